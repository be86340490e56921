/** New versions of LoRA adapters: committed, then offered by every worker; what runs under an older one ends under it. */
import type { SchedulerEvent } from "../scheduler/events.ts";
import { type Agenda, Appointment } from "./agenda.ts";
import type { SimulatedWorker } from "./worker.ts";
import type { SimulatedPolicy } from "./workload.ts";

export interface AdapterVersionParts {
  readonly agenda: Agenda;
  readonly workers: readonly SimulatedWorker[];
  readonly policies: readonly SimulatedPolicy[];
  readonly send: (event: SchedulerEvent) => void;
}

/** Every `seconds` all adapters have another. */
export function renewAdapters(seconds: number, parts: AdapterVersionParts): void {
  const { agenda, workers, policies, send } = parts;
  let version = 1;
  const renewal = new Appointment(() => {
    version++;
    for (const { name: policy, base } of policies) {
      if (base === null) continue;
      for (const worker of workers) worker.offer(policy, version, base);
      send({ type: "committed", policy, version });
    }
    for (const worker of workers) {
      // Who is down is shown when it is back.
      if (worker.answers) send({ type: "worker", worker: worker.view() });
    }
    agenda.set(renewal, agenda.now + seconds);
  });
  agenda.set(renewal, seconds);
}
