/** What every part of the coordinator's shell is given. */
import type { Clock } from "../../contract/clock.ts";
import { PacelineError } from "../../contract/errors.ts";
import type { Fleet, WorkerRecord } from "../../fleet/fleet.ts";
import type { Ledger } from "../../policy/ledger.ts";
import type { AdapterRooms } from "./adapter-rooms.ts";
import type { UpdateGate } from "./gate.ts";
import type { Leaving } from "./leaving.ts";
import type { ObserveUpdates, UpdatePhase } from "./observation.ts";
import type { Receipts } from "./receipts.ts";
import type { Standstills } from "./standstills.ts";
import type { UpdateTimings } from "./timings.ts";

export interface UpdateContext {
  readonly ledger: Ledger;
  readonly fleet: Pick<
    Fleet,
    "engine" | "get" | "list" | "listen" | "mark" | "pause" | "report" | "resume"
  >;
  readonly gate: UpdateGate;
  readonly clock: Clock;
  readonly timings: UpdateTimings;
  readonly observe: ObserveUpdates;
  readonly standstills: Standstills;
  readonly receipts: Receipts;
  /** Of adapters, each with the base that it was computed on. */
  readonly adapterReceipts: Receipts;
  readonly leaving: Leaving;
  readonly rooms: AdapterRooms;
}

/** Tells how long a step took, however it ended. */
export async function timed<T>(
  { clock, observe }: Pick<UpdateContext, "clock" | "observe">,
  about: { readonly policy: string; readonly worker: string | null; readonly phase: UpdatePhase },
  step: () => Promise<T>,
): Promise<T> {
  const began = clock.now();
  const tell = (ok: boolean): void =>
    observe({ type: "phase", ...about, seconds: (clock.now() - began) / 1000, ok });
  try {
    const result = await step();
    tell(true);
    return result;
  } catch (thrown) {
    tell(false);
    throw thrown;
  }
}

export function findWorker(fleet: UpdateContext["fleet"], id: string): WorkerRecord | null {
  try {
    return fleet.get(id);
  } catch (thrown) {
    if (thrown instanceof PacelineError && thrown.code === "not_found") return null;
    throw thrown;
  }
}
