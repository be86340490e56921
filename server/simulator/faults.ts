/**
 * What breaks in a simulated fleet. A killed worker's streams are reset at once, and the fleet misses its lease later; one
 * that hangs answers nothing, and is given up when its probes fail; a slow one takes `factor` as long for everything.
 */
import { PacelineError } from "../contract/errors.ts";
import type { Agenda } from "./agenda.ts";
import type { SimulatedWorker } from "./worker.ts";

export interface FaultSpec {
  readonly kind: "kill" | "hang" | "slow";
  readonly worker: string;
  readonly atSeconds: number;
  /** Until it is back. */
  readonly forSeconds: number;
  /** Of `slow`. */
  readonly factor?: number;
}

export interface FaultParts {
  readonly agenda: Agenda;
  /** Until the fleet gives up who does not answer, seconds. */
  readonly detectSeconds: number;
  /** All that runs there is over; its tokens are kept. */
  readonly dropAll: (worker: SimulatedWorker) => void;
  readonly tellLost: (worker: SimulatedWorker, incarnation: string) => void;
  readonly tellBack: (worker: SimulatedWorker) => void;
}

export function scheduleFaults(
  faults: readonly FaultSpec[],
  workers: readonly SimulatedWorker[],
  parts: FaultParts,
): void {
  const byId = new Map(workers.map((worker) => [worker.spec.id, worker]));
  for (const fault of faults) {
    const worker = byId.get(fault.worker);
    if (worker === undefined) {
      throw new PacelineError("invalid_argument", `no worker is called ${fault.worker}`);
    }
    parts.agenda.once(fault.atSeconds, () => STRIKES[fault.kind](worker, fault, parts));
  }
}

type Strike = (worker: SimulatedWorker, fault: FaultSpec, parts: FaultParts) => void;

const STRIKES: Readonly<Record<FaultSpec["kind"], Strike>> = {
  kill(worker, fault, parts) {
    if (!worker.answers) return;
    const { incarnation } = worker;
    worker.setDown(true);
    parts.dropAll(worker);
    worker.rebirth();
    // Who was granted the place of one that was just dropped.
    parts.dropAll(worker);
    giveUp(worker, incarnation, fault, parts);
  },
  hang(worker, fault, parts) {
    if (!worker.answers) return;
    worker.setDown(true);
    giveUp(worker, worker.incarnation, fault, parts);
  },
  slow(worker, { factor = 4, forSeconds }, { agenda }) {
    worker.setPace(factor);
    agenda.once(agenda.now + forSeconds, () => worker.setPace(1));
  },
};

/** Told lost when that is noticed, and back when it is. */
function giveUp(
  worker: SimulatedWorker,
  incarnation: string,
  { forSeconds }: FaultSpec,
  { agenda, detectSeconds, tellLost, tellBack }: FaultParts,
): void {
  if (detectSeconds < forSeconds) {
    agenda.once(agenda.now + detectSeconds, () => tellLost(worker, incarnation));
  }
  agenda.once(agenda.now + forSeconds, () => {
    worker.setDown(false);
    tellBack(worker);
  });
}
