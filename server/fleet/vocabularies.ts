/** How many token ids there are, for each kind of rollout. Found out again after a change of the fleet only: there are many rollouts, and many workers. */
import { AgeMap } from "../age-map.ts";
import { mayUsePool, type Rollout } from "../contract/rollout.ts";
import type { WorkerRecord } from "./fleet.ts";

/** What decides who may serve it. */
export type Asking = Pick<Rollout, "policy" | "pool" | "pools">;

/** Kinds that are remembered. Pools are what callers say, so there may be any number. */
const KINDS = 1_000;

export class Vocabularies {
  readonly #workers: () => readonly WorkerRecord[];
  readonly #known = new AgeMap<string, number | null>();

  constructor(workers: () => readonly WorkerRecord[]) {
    this.#workers = workers;
  }

  /** Of whoever may serve it; null while nobody is known. */
  of(asking: Asking): number | null {
    const kind = JSON.stringify([asking.policy, asking.pool, asking.pools]);
    let vocabulary = this.#known.get(kind);
    if (vocabulary === undefined) {
      vocabulary = vocabularyAmong(this.#workers(), asking);
      this.#known.set(kind, vocabulary);
      this.#known.keep(KINDS);
    }
    return vocabulary;
  }

  /** Workers came, went or are not what they were. */
  changed(): void {
    this.#known.clear();
  }
}

/** The largest of those that may serve it; null: none. */
export function vocabularyAmong(workers: readonly WorkerRecord[], asking: Asking): number | null {
  let vocabulary: number | null = null;
  for (const worker of workers) {
    if (!mayUsePool(asking, worker.pool)) continue;
    if (worker.policies.length > 0 && !worker.policies.includes(asking.policy)) continue;
    vocabulary = Math.max(vocabulary ?? 0, worker.description.vocabSize);
  }
  return vocabulary;
}
