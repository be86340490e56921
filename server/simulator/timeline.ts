/**
 * Samples of the fleet over a run whose length nobody knows before: the interval doubles, and every other sample goes,
 * each time there are too many. So memory is bounded, and a run samples itself alike each time.
 */
import { type Agenda, Appointment } from "./agenda.ts";
import type { TimelineRow, TimelineSample } from "./run.ts";
import type { SimulatedWorker } from "./worker.ts";

/** Enough for a plot; between half of it and all of it are kept. */
const MOST_SAMPLES = 512;
const FIRST_SECONDS = 0.25;

/** Thousands of workers are sampled in so many rows. */
const MOST_ROWS = 96;

/** What is shown of workers together: their sums. */
export class Rows {
  readonly #rows: readonly (readonly SimulatedWorker[])[];

  constructor(workers: readonly SimulatedWorker[]) {
    const count = Math.min(MOST_ROWS, workers.length);
    const edge = (row: number): number => Math.floor((row * workers.length) / count);
    this.#rows = Array.from({ length: count }, (_, row) => workers.slice(edge(row), edge(row + 1)));
  }

  sum(of: (worker: SimulatedWorker) => number): number[] {
    return this.#rows.map((row) => row.reduce((sum, worker) => sum + of(worker), 0));
  }

  written(): TimelineRow[] {
    const capacity = this.sum(({ spec }) => spec.kvTokens);
    return this.#rows.map(({ length }, row) => ({ workers: length, kvTokens: capacity[row] ?? 0 }));
  }
}

export class Timeline {
  readonly #agenda: Agenda;
  readonly #look: () => TimelineSample;
  readonly #appointment: Appointment;
  #samples: TimelineSample[] = [];
  #interval = FIRST_SECONDS;

  constructor(agenda: Agenda, look: () => TimelineSample) {
    this.#agenda = agenda;
    this.#look = look;
    this.#appointment = new Appointment(() => this.#sample());
  }

  get samples(): readonly TimelineSample[] {
    return this.#samples;
  }

  start(): void {
    this.#agenda.set(this.#appointment, this.#agenda.now);
  }

  #sample(): void {
    this.#samples.push(this.#look());
    if (this.#samples.length > MOST_SAMPLES) {
      this.#samples = this.#samples.filter((_, i) => i % 2 === 0);
      this.#interval *= 2;
    }
    this.#agenda.set(this.#appointment, this.#agenda.now + this.#interval);
  }
}
