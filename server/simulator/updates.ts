/**
 * New weights for a running fleet, as the live coordinator brings them: committed, then worker by worker gated, emptied of
 * what must not live on, paused for the swap, and opened with the new version. A worker whose turn comes late takes the latest.
 */
import type { OnUpdate } from "../contract/policy.ts";
import type { SchedulerEvent } from "../scheduler/events.ts";
import type { Agenda } from "./agenda.ts";
import type { SimulatedWorker } from "./worker.ts";

export interface UpdateOptions {
  readonly onUpdate: OnUpdate;
  /** How long `finish` is waited for. */
  readonly graceSeconds: number;
  /** Workers that are updated at once. */
  readonly wave: number;
}

export const UPDATE_OPTIONS: UpdateOptions = {
  onUpdate: "keep",
  graceSeconds: 60,
  wave: Number.POSITIVE_INFINITY,
};

export interface UpdateParts {
  readonly agenda: Agenda;
  readonly workers: readonly SimulatedWorker[];
  readonly pauseSeconds: number;
  readonly options: UpdateOptions;
  readonly send: (event: SchedulerEvent) => void;
  /** Every worker that is up holds it. */
  readonly held: (version: number) => void;
}

export class Updates {
  readonly #parts: UpdateParts;
  readonly #turns: SimulatedWorker[] = [];
  readonly #gated = new Set<SimulatedWorker>();
  #latest: { readonly policy: string; readonly version: number } | null = null;

  constructor(parts: UpdateParts) {
    this.#parts = parts;
  }

  publish(policy: string, version: number): void {
    this.#latest = { policy, version };
    this.#parts.send({ type: "committed", policy, version });
    for (const worker of this.#parts.workers) {
      if (!this.#turns.includes(worker)) this.#turns.push(worker);
    }
    this.#next();
  }

  /** The scheduler says that nothing is left there that must not live on. */
  gated(worker: SimulatedWorker): void {
    if (!this.#gated.has(worker) || this.#latest === null) return;
    const { agenda, pauseSeconds } = this.#parts;
    worker.setPaused(true);
    agenda.once(agenda.now + pauseSeconds, () => this.#swap(worker));
  }

  /** A worker that is back: it starts with the latest weights. */
  back(worker: SimulatedWorker): void {
    if (this.#gated.has(worker)) return;
    this.#catchUp(worker);
    this.#show(worker);
  }

  #catchUp(worker: SimulatedWorker): void {
    const latest = this.#latest;
    if (latest !== null && worker.versionOf(latest.policy) < latest.version) {
      worker.serve(latest.policy, latest.version);
    }
  }

  #show(worker: SimulatedWorker): void {
    this.#parts.send({ type: "worker", worker: worker.view() });
    this.#parts.send({ type: "ungate", worker: worker.spec.id });
  }

  #tellHeld(): void {
    const { workers, held } = this.#parts;
    const latest = this.#latest;
    if (latest === null || this.#gated.size > 0 || this.#turns.length > 0) return;
    if (workers.every((each) => !each.answers || each.versionOf(latest.policy) >= latest.version)) {
      held(latest.version);
    }
  }

  #next(): void {
    const { options, send } = this.#parts;
    while (this.#gated.size < options.wave) {
      const worker = this.#turns.find((each) => !this.#gated.has(each));
      if (worker === undefined) return;
      this.#turns.splice(this.#turns.indexOf(worker), 1);
      this.#gated.add(worker);
      const { onUpdate, graceSeconds } = options;
      const graceMs = graceSeconds * 1_000;
      send({ type: "gate", worker: worker.spec.id, why: "update", onUpdate, graceMs });
    }
  }

  #swap(worker: SimulatedWorker): void {
    this.#catchUp(worker);
    this.#gated.delete(worker);
    worker.setPaused(false);
    // Who is down is shown when it is back.
    if (worker.answers) this.#show(worker);
    this.#next();
    this.#tellHeld();
  }
}
