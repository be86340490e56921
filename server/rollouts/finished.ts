/**
 * Rollouts that have ended: readable for `ttlMs`, then a tombstone of id and body hash, so that a late
 * retry is never generated again in silence (I4). An error is no result: it can be read, and retried.
 */
import type { Clock } from "../contract/clock.ts";
import { sideBytes } from "../contract/side-data.ts";
import { LIMITS } from "../limits.ts";
import type { RolloutLife } from "./life.ts";

interface Entry {
  readonly life: RolloutLife;
  readonly expiresAt: number;
}

export class Finished {
  readonly #clock: Clock;
  readonly #ttlMs: number;
  /** In order of ending, which is the order of expiry. */
  readonly #entries = new Map<string, Entry>();
  readonly #tombstones = new Map<string, string>();
  /** Of all entries. */
  #sideBytes = 0;

  constructor(clock: Clock, ttlMs: number) {
    this.#clock = clock;
    this.#ttlMs = ttlMs;
  }

  add(life: RolloutLife): void {
    this.#drop(life.key);
    this.#entries.set(life.key, { life, expiresAt: this.#clock.now() + this.#ttlMs });
    this.#sideBytes += sideBytesOf(life);
    this.#sweep();
  }

  get(key: string): RolloutLife | undefined {
    this.#sweep();
    return this.#entries.get(key)?.life;
  }

  /** What a repeated submission joins: Results, not errors. */
  match(key: string): RolloutLife | undefined {
    const life = this.get(key);
    return life?.ended && "result" in life.ended ? life : undefined;
  }

  tombstone(key: string): string | null {
    return this.#tombstones.get(key) ?? null;
  }

  #sweep(): void {
    const now = this.#clock.now();
    for (const [key, { life, expiresAt }] of this.#entries) {
      if (expiresAt > now && !this.#isFull()) return;
      this.#drop(key);
      if (life.ended && "result" in life.ended) this.#bury(key, life.rollout.bodyHash);
    }
  }

  #isFull(): boolean {
    return (
      this.#entries.size > LIMITS.finishedRollouts || this.#sideBytes > LIMITS.finishedSideBytes
    );
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#sideBytes -= sideBytesOf(entry.life);
  }

  #bury(key: string, bodyHash: string): void {
    this.#tombstones.set(key, bodyHash);
    const oldest = this.#tombstones.keys().next();
    if (this.#tombstones.size > LIMITS.tombstones && !oldest.done)
      this.#tombstones.delete(oldest.value);
  }
}

function sideBytesOf({ ended }: RolloutLife): number {
  if (ended === null || !("result" in ended) || ended.result.side === null) return 0;
  return sideBytes(ended.result.side);
}
