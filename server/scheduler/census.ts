/** Every rollout that waits or runs, by key, each once, and their groups: a grant changes a value of the one map and none of its keys. */
import { Attempt } from "./attempts.ts";
import type { Groups } from "./groups.ts";
import type { Waiting } from "./waiting.ts";

export class Census {
  readonly groups: Groups;
  readonly #all = new Map<string, Waiting | Attempt>();
  #running = 0;

  constructor(groups: Groups) {
    this.groups = groups;
  }

  get waiting(): number {
    return this.#all.size - this.#running;
  }

  get running(): number {
    return this.#running;
  }

  get(key: string): Waiting | Attempt | undefined {
    return this.#all.get(key);
  }

  waits(waiting: Waiting): void {
    this.#all.set(waiting.card.key, waiting);
  }

  /** Also of one that waited. */
  runs(attempt: Attempt): void {
    this.#all.set(attempt.card.key, attempt);
    this.#running++;
  }

  leaves(known: Waiting | Attempt): void {
    this.#all.delete(known.card.key);
    this.groups.leave(known.group);
    if (known instanceof Attempt) this.#running--;
  }
}
