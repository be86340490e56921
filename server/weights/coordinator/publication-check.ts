/** What this release can publish; everything else is refused by name, never dropped (I6). */
import { PacelineError } from "../../contract/errors.ts";
import type { CommitMode } from "../../contract/policy.ts";
import type { PolicyRecord } from "../../policy/ledger.ts";
import type { PublicationOptions } from "../publisher.ts";

const LATER: Readonly<Record<Exclude<CommitMode, "all">, string>> = {
  rolling: "0.2",
  quorum: "0.5",
  latest_wins: "0.5",
};

/** Throws `unsupported`, `invalid_argument`. */
export function assertSupported(policy: PolicyRecord, publication: PublicationOptions): void {
  const { mode = policy.commit, timeoutMs = 1 } = publication.commit ?? {};
  if (policy.kind === "lora") {
    throw new PacelineError("unsupported", "adapters are published from release 0.5 on", {
      details: { path: "policy" },
    });
  }
  if (mode !== "all") {
    const since = LATER[mode];
    throw new PacelineError("unsupported", `commit mode ${mode} comes with release ${since}`, {
      details: { path: "commit.mode", mode, since },
    });
  }
  const grace = publication.updateGraceMs ?? 0;
  for (const [path, value, least] of [
    ["commit.timeout_ms", timeoutMs, 1],
    ["update_grace_ms", grace, 0],
  ] as const) {
    if (Number.isSafeInteger(value) && value >= least) continue;
    throw new PacelineError(
      "invalid_argument",
      `${path} must be whole milliseconds, at least ${least}`,
      {
        details: { path },
      },
    );
  }
}
