/** Where a version's content can be read. */
import { PacelineError } from "../../contract/errors.ts";
import type { VersionRecord } from "../../policy/ledger.ts";

/** Throws `unsupported` for a version whose bytes somebody else moves. */
export function pathOf({ policy, version, source }: Omit<VersionRecord, "state">): string {
  if ("path" in source) return source.path;
  throw new PacelineError(
    "unsupported",
    `version ${version} of ${policy} is external: its content can be read nowhere`,
    { details: { policy, version } },
  );
}

export const isExternal = ({ source }: Pick<VersionRecord, "source">): boolean =>
  "external" in source;
