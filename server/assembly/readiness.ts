/** Whether traffic may come: some worker is ready and holds a committed version. */
import type { ErrorCode } from "../contract/errors.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { Ledger } from "../policy/ledger.ts";
import type { LifeCycle } from "../telemetry/life-cycle.ts";

export interface Readiness {
  now(): { ready: boolean; reasons: readonly string[]; code?: ErrorCode };
  ready(): boolean;
  listen(changed: () => void): () => void;
}

export function readinessOf(
  fleet: Pick<Fleet, "list">,
  ledger: Pick<Ledger, "holds" | "policies">,
  lifeCycle: Pick<LifeCycle, "listen">,
  state: { readonly draining: boolean },
): Readiness {
  const now: Readiness["now"] = () => {
    if (state.draining) return { ready: false, reasons: ["draining"], code: "shutting_down" };
    const workers = fleet.list().filter((worker) => worker.state === "ready");
    const serving = workers.some(
      (worker) => ledger.holds(worker.id, worker.description.incarnation).length > 0,
    );
    if (serving) return { ready: true, reasons: [] };
    const why =
      workers.length === 0 ? "no worker is ready" : "no ready worker has proved a version";
    return { ready: false, reasons: [why] };
  };
  return { now, ready: () => now().ready, listen: (changed) => lifeCycle.listen(changed) };
}
