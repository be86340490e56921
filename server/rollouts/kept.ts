/**
 * Rollouts that are kept for whoever asks for them again: bounded in number, memory and age. What is beyond a bound, the longest kept
 * first, ends as not needed, with what it made: then it is a Result like any other.
 */
import { AgeMap } from "../age-map.ts";
import type { Clock, Timer } from "../contract/clock.ts";
import { LIMITS } from "../limits.ts";

export interface Keepable {
  readonly key: string;
  readonly rollout: { readonly promptTokenIds: Uint32Array };
  readonly outputTokens: number;
}

export interface KeptUsage {
  readonly rollouts: number;
  readonly outputTokens: number;
}

interface Entry<T> {
  readonly life: T;
  readonly until: number;
  readonly tokens: number;
  readonly bytes: number;
}

export class Kept<T extends Keepable> {
  readonly #clock: Pick<Clock, "now" | "timer">;
  readonly #ttlMs: number;
  readonly #limits: { readonly keptRollouts: number; readonly keptBytes: number };
  readonly #expel: (life: T, why: "too_many" | "too_old") => void;
  /** In order of keeping, which is the order of expiry. */
  readonly #entries = new AgeMap<string, Entry<T>>();
  #tokens = 0;
  #bytes = 0;
  #timer: Timer | null = null;

  /** `expel` ends one that is beyond a bound; it has been forgotten by then. */
  constructor(
    clock: Pick<Clock, "now" | "timer">,
    ttlMs: number,
    expel: (life: T, why: "too_many" | "too_old") => void,
    limits: { readonly keptRollouts: number; readonly keptBytes: number } = LIMITS,
  ) {
    this.#clock = clock;
    this.#ttlMs = ttlMs;
    this.#expel = expel;
    this.#limits = limits;
  }

  get usage(): KeptUsage {
    return { rollouts: this.#entries.size, outputTokens: this.#tokens };
  }

  all(): readonly T[] {
    return [...this.#entries.values()].map(({ life }) => life);
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  add(life: T): void {
    this.remove(life.key);
    const { key, rollout, outputTokens: tokens } = life;
    const bytes = 4 * rollout.promptTokenIds.length + 8 * tokens;
    this.#entries.set(key, { life, until: this.#clock.now() + this.#ttlMs, tokens, bytes });
    this.#tokens += tokens;
    this.#bytes += bytes;
    this.#sweep();
  }

  /** Answers whether it was there. */
  remove(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#entries.delete(key);
    this.#tokens -= entry.tokens;
    this.#bytes -= entry.bytes;
    if (this.#entries.size === 0) this.#rest();
    return true;
  }

  #sweep(): void {
    const now = this.#clock.now();
    for (let oldest = this.#entries.oldest(); oldest !== null; oldest = this.#entries.oldest()) {
      const { life, until } = oldest.value;
      if (until > now && !this.#full) break;
      const why = until > now ? "too_many" : "too_old";
      this.remove(oldest.key);
      this.#expel(life, why);
    }
    this.#rest();
    const next = this.#entries.oldest();
    if (next === null) return;
    this.#timer = this.#clock.timer(next.value.until - now, () => this.#sweep());
  }

  #rest(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  get #full(): boolean {
    return this.#entries.size > this.#limits.keptRollouts || this.#bytes > this.#limits.keptBytes;
  }
}
