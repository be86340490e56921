/** Ends a rollout that its asker gave up: its Result, or its error, goes to whoever still waits for it, and one that is gone needs no end. */
import type { FinishCause } from "../contract/rollout.ts";
import type { RolloutService } from "./service.ts";

export function abandon(
  rollouts: Pick<RolloutService, "abort">,
  { job, id }: { readonly job: string; readonly id: string },
  cause: FinishCause,
  dropped = false,
): void {
  rollouts.abort(job, id, cause, dropped).catch(() => {});
}
