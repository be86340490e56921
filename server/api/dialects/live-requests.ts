/** Requests of one mount that are under way, by the ids under which their callers may end them. */
import type { Rollout } from "../../contract/rollout.ts";

export class LiveRequests {
  readonly #byId = new Map<string, Set<readonly Rollout[]>>();
  #size = 0;
  readonly #idle = new Set<() => void>();

  /** Call what it returns when the request has been answered. */
  add(id: string, rollouts: readonly Rollout[]): () => void {
    const same = this.#byId.get(id) ?? new Set();
    this.#byId.set(id, same);
    same.add(rollouts);
    this.#size++;
    return () => {
      if (!same.delete(rollouts)) return;
      if (same.size === 0 && this.#byId.get(id) === same) this.#byId.delete(id);
      this.#size--;
      if (this.#size > 0) return;
      for (const resolve of this.#idle) resolve();
      this.#idle.clear();
    };
  }

  ids(): Iterable<string> {
    return this.#byId.keys();
  }

  find(id: string): readonly Rollout[] {
    const found = this.#byId.get(id);
    return found === undefined ? [] : [...found].flat();
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    if (this.#size === 0) return;
    await new Promise<void>((resolve) => this.#idle.add(resolve));
  }
}
