/**
 * An older version's content, published as a new version. It keeps the old one's label within one run; across
 * runs it has none unless the caller gives one: an older run's steps say nothing about this one.
 */
import { PacelineError } from "../../contract/errors.ts";
import type { Ledger, VersionRecord } from "../../policy/ledger.ts";
import { wasCommitted } from "../../policy/version-states.ts";
import type { Publisher } from "../publisher.ts";
import type { ContentHash } from "./content-hash.ts";
import type { Content, Submit } from "./submissions.ts";
import { pathOf } from "./version-path.ts";

export function rollingBack(
  ledger: Ledger,
  hash: ContentHash,
  submit: Submit,
): Publisher["rollback"] {
  async function contentOf(old: VersionRecord): Promise<Content> {
    const { policy, version, source, digest, label } = old;
    const path = pathOf(old);
    const found = await hash(ledger.policy(policy), path);
    if (found !== digest) {
      throw new PacelineError(
        "digest_mismatch",
        `${path} holds other weights now than version ${version} of ${policy} had`,
        { details: { policy, version, digest: found, published: digest } },
      );
    }
    return { label: ledger.inCurrentRun(old) ? label : null, source, digest, contentOf: version };
  }

  return async (policy, version, options) => {
    const old = ledger.version(policy, version);
    const { run, committedVersion } = ledger.policy(policy);
    if (!wasCommitted(old.state) || version === committedVersion) {
      const why = version === committedVersion ? "is the fleet's version" : "was never committed";
      throw new PacelineError(
        "version_conflict",
        `version ${version} of ${policy} (${old.state}) ${why}: there is nothing to roll back to`,
        { details: { policy, version, state: old.state } },
      );
    }
    const { label } = options;
    return submit({
      policy,
      // An operator's act: where it names no run it is one of the current run.
      options: run === null ? options : { runEpoch: run.epoch, ...options },
      content: async () => ({
        ...(await contentOf(old)),
        ...(label === undefined ? {} : { label }),
      }),
      same: (record) => record.contentOf === version,
    });
  };
}
