/**
 * A bounded map that forgets what was not touched for long: two generations, the older one dropped
 * whole. Holds `limit / 2` to `limit` entries, O(1) always (deleting the oldest key of a `Map` one by one is not).
 */
export class Generations<K, V> {
  #young = new Map<K, V>();
  #old = new Map<K, V>();
  readonly #half: number;

  constructor(limit: number) {
    this.#half = Math.max(1, Math.floor(limit / 2));
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(key: K): V | undefined {
    const value = this.#young.get(key);
    if (value !== undefined) return value;
    const aged = this.#old.get(key);
    if (aged === undefined) return undefined;
    this.set(key, aged);
    return aged;
  }

  set(key: K, value: V): void {
    this.#young.set(key, value);
    // An older value of the key stays behind, hidden, until its generation goes.
    if (this.#young.size < this.#half) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  delete(key: K): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }
}
