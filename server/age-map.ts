/**
 * A map that knows its oldest entry. A `Map` keeps a hole for each key that was deleted, and whoever asks for its first
 * key walks over them: with 100,000 entries that come and go some 100 µs each time (`bench/bookkeeping`).
 */
interface Node<K, V> {
  readonly key: K;
  readonly value: V;
  older: Node<K, V> | null;
  younger: Node<K, V> | null;
}

export class AgeMap<K, V> {
  readonly #nodes = new Map<K, Node<K, V>>();
  #oldest: Node<K, V> | null = null;
  #youngest: Node<K, V> | null = null;

  get size(): number {
    return this.#nodes.size;
  }

  get(key: K): V | undefined {
    return this.#nodes.get(key)?.value;
  }

  has(key: K): boolean {
    return this.#nodes.has(key);
  }

  /** It is the youngest now, whether or not it was there before. */
  set(key: K, value: V): void {
    this.delete(key);
    const node: Node<K, V> = { key, value, older: this.#youngest, younger: null };
    this.#nodes.set(key, node);
    if (this.#youngest === null) this.#oldest = node;
    else this.#youngest.younger = node;
    this.#youngest = node;
  }

  delete(key: K): boolean {
    const node = this.#nodes.get(key);
    if (node === undefined) return false;
    this.#nodes.delete(key);
    const { older, younger } = node;
    if (older === null) this.#oldest = younger;
    else older.younger = younger;
    if (younger === null) this.#youngest = older;
    else younger.older = older;
    return true;
  }

  /** Forgets the oldest until no more than `limit` are left. */
  keep(limit: number): void {
    while (this.#oldest !== null && this.size > limit) this.delete(this.#oldest.key);
  }

  /** The oldest first. */
  *values(): Generator<V> {
    for (let node = this.#oldest; node !== null; node = node.younger) yield node.value;
  }

  clear(): void {
    this.#nodes.clear();
    this.#oldest = null;
    this.#youngest = null;
  }

  /** Null: it is empty. */
  oldest(): { readonly key: K; readonly value: V } | null {
    return this.#oldest;
  }
}
