/**
 * Host memory beside an engine that keeps KV beyond its HBM: written as soon as a context rests, read when it comes
 * back, least recently used first out. Tiers of one directory are a pool: each reads what any of them holds.
 */
export interface TierRates {
  readonly hostTokens: number;
  readonly hostTokensPerSecond: number;
  /** Null: no other host is read. */
  readonly poolTokensPerSecond: number | null;
}

/** Who of a pool holds what, the latest writer. */
export type Directory = Map<number, HostTier>;

export interface Found {
  readonly tokens: number;
  readonly tokensPerSecond: number;
}

export class HostTier {
  readonly rates: TierRates;
  readonly #directory: Directory | null;
  readonly #evicted: (key: number) => void;
  /** Insertion order is order of use. */
  readonly #kept = new Map<number, number>();
  #used = 0;
  peakTokens = 0;

  /** `directory`: of the pool, where there is one; `evicted` hears of what is kept here no more. */
  constructor(rates: TierRates, directory: Directory | null, evicted: (key: number) => void) {
    this.rates = rates;
    this.#directory = rates.poolTokensPerSecond === null ? null : directory;
    this.#evicted = evicted;
  }

  has(key: number): boolean {
    return this.#kept.has(key);
  }

  keep(key: number, tokens: number): void {
    const { hostTokens } = this.rates;
    if (tokens > hostTokens) return;
    this.#used += tokens - (this.#kept.get(key) ?? 0);
    this.#kept.delete(key);
    this.#kept.set(key, tokens);
    this.#directory?.set(key, this);
    for (const [oldest] of this.#kept) {
      if (this.#used <= hostTokens) break;
      this.forget(oldest);
    }
    this.peakTokens = Math.max(this.peakTokens, this.#used);
  }

  /** The nearest copy; null: there is none. */
  find(key: number): Found | null {
    const own = this.#kept.get(key);
    if (own !== undefined) {
      if (key >= 0) {
        this.#kept.delete(key);
        this.#kept.set(key, own);
      } else this.forget(key);
      return { tokens: own, tokensPerSecond: this.rates.hostTokensPerSecond };
    }
    const { poolTokensPerSecond } = this.rates;
    const far = this.#directory?.get(key);
    if (far === undefined || poolTokensPerSecond === null) return null;
    const tokens = far.#kept.get(key) ?? 0;
    if (key < 0) far.forget(key);
    return { tokens, tokensPerSecond: poolTokensPerSecond };
  }

  forget(key: number): void {
    const tokens = this.#kept.get(key);
    if (tokens === undefined) return;
    this.#kept.delete(key);
    this.#used -= tokens;
    if (this.#directory?.get(key) === this) this.#directory.delete(key);
    this.#evicted(key);
  }

  clear(): void {
    for (const key of [...this.#kept.keys()]) this.forget(key);
  }
}
