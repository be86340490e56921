/** All policies' lines of publications, whatever moves their bytes: who is under way, and how each ends. */
import { PacelineError } from "../../contract/errors.ts";
import type { Ledger, PolicyRecord, VersionRecord } from "../../policy/ledger.ts";
import { wasCommitted } from "../../policy/version-states.ts";
import type { Publisher } from "../publisher.ts";
import type { MemberRef } from "./core/events.ts";
import type { ObserveUpdates } from "./observation.ts";
import type { ProgressBoard } from "./progress-board.ts";
import { createPublicationLine, type PublicationLine, type Waiting } from "./publication-line.ts";

export interface PublicationLines extends Pick<Publisher, "committed" | "abort" | "close"> {
  of(policy: string): PublicationLine;
  /** Whether a publication takes care of this worker. */
  taken(worker: string): boolean;
  lost(ref: MemberRef, reason: string): void;
  /** What is of an older run and not yet committed ends as `run_fenced`. */
  fence(policy: PolicyRecord): void;
  /** Replaceable ones before this version that are not yet committed end: it is newer. */
  replace(record: VersionRecord): void;
}

type Ahead = Pick<Waiting, "record" | "replaceable">;
type EndCode = "commit_aborted" | "run_fenced" | "version_conflict";

export function createPublicationLines(
  ledger: Ledger,
  board: ProgressBoard,
  observe: ObserveUpdates,
): PublicationLines {
  const lines = new Map<string, PublicationLine>();

  async function withdraw(
    { policy, version }: VersionRecord,
    reason: string,
    code: EndCode = "commit_aborted",
  ): Promise<boolean> {
    const verdict = new PacelineError(code, `version ${version} of ${policy}: ${reason}`, {
      details: { policy, version, cause: code },
    });
    if (!lines.get(policy)?.withdraw(version, verdict)) return false;
    await ledger.transition(policy, version, "aborted");
    return true;
  }

  /** Ends what is chosen of a policy's line and not yet committed. */
  function end(
    policy: string,
    chosen: (ahead: Ahead) => boolean,
    reason: string,
    code: EndCode,
  ): void {
    const line = lines.get(policy);
    // Those that wait first: the next of them must not begin.
    for (const { record } of line?.waiting().filter(chosen) ?? []) {
      withdraw(record, reason, code).catch((thrown: unknown) => {
        const { version } = record;
        observe({ type: "trouble", policy, version, error: PacelineError.from(thrown) });
      });
    }
    // Once its commit has begun, the ledger decides which of the two came first.
    if (line?.current && chosen(line.current)) line.current.run.abort(reason, code);
  }

  return {
    of(policy) {
      const line = lines.get(policy) ?? createPublicationLine(policy);
      lines.set(policy, line);
      return line;
    },
    taken: (worker) => [...lines.values()].some(({ current }) => current?.run.concerns(worker)),
    lost(ref, reason) {
      for (const line of lines.values()) line.lost(ref, reason);
    },
    fence({ policy, run }) {
      if (run === null) return;
      const reason = `run ${run.run} (epoch ${run.epoch}) was opened`;
      end(policy, ({ record }) => record.runEpoch !== run.epoch, reason, "run_fenced");
    },
    replace({ policy, version }) {
      const older = ({ record, replaceable }: Ahead): boolean =>
        replaceable && record.version < version;
      end(policy, older, `version ${version} came (latest_wins)`, "version_conflict");
    },
    async committed(policy, version) {
      const { state } = ledger.version(policy, version);
      const pending = lines.get(policy)?.verdict(version);
      const error = pending ? await pending : undefined;
      if (wasCommitted(state) || error === null) return board.progress(policy, version);
      throw (
        error ?? new PacelineError("commit_aborted", `version ${version} of ${policy} is ${state}`)
      );
    },
    async abort(policy, version) {
      const record = ledger.version(policy, version);
      const current = lines.get(policy)?.current;
      if (record.state !== "aborted" && !(await withdraw(record, "aborted by a caller"))) {
        const begun = current?.record.version === version ? current.run : null;
        if (!begun?.abort("aborted by a caller")) {
          const { state } = ledger.version(policy, version);
          throw new PacelineError(
            "version_conflict",
            `version ${version} of ${policy} (${state}) is past the point where it can be aborted`,
            { details: { policy, version, state } },
          );
        }
        const verdict = await begun.decided;
        if (verdict !== null && verdict.code !== "commit_aborted") throw verdict;
      }
      return board.progress(policy, version);
    },
    async close() {
      const waiting = [...lines.values()].flatMap((line) => line.waiting());
      await Promise.all(waiting.map(({ record }) => withdraw(record, "the server shuts down")));
      const runs = [...lines.values()].flatMap(({ current }) => current?.run ?? []);
      for (const run of runs) run.stop();
      await Promise.all(runs.map(({ over }) => over));
    },
  };
}
