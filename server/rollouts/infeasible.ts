/**
 * A rollout whose oldest token is older than its lag limit: it can never meet it again, since tokens do not grow younger. What
 * becomes of it is its job's to say (`on_infeasible`), as soon as it is known: at a commit, at a first token that an old
 * version made, at the start where it goes on from old tokens, and at the last moment, the reply (I8).
 */
import type { Stale } from "../contract/result.ts";
import type { OnInfeasible, Rollout } from "../contract/rollout.ts";
import { LIMITS } from "../limits.ts";
import type { Output } from "./output.ts";

/** How much too old it is; null while it is not. Tokens whose version nobody can tell yet may be younger. */
export function staleOf(
  { version }: Rollout,
  output: Output,
  committed: number | null,
): Stale | null {
  if (version === null || !("max_lag" in version) || committed === null) return null;
  let oldest = output.side?.promptVersion ?? committed;
  for (const span of output.spans) {
    if (span.attested !== "none") oldest = Math.min(oldest, span.version);
  }
  const lag = committed - oldest;
  return lag > version.max_lag ? { lag, maxLag: version.max_lag } : null;
}

/** What is done with it, `done` times anew already: one that is too long for its limit is not begun for ever. */
export const fateOf = ({ onInfeasible }: Rollout, done: number): OnInfeasible =>
  onInfeasible === "requeue" && done >= LIMITS.requeues ? "drop" : onInfeasible;
