/**
 * Rollouts that have ended: readable for `ttlMs`, then a tombstone (`tombstones.ts`), so that a late
 * retry is never generated again in silence (I4). An error is no result: it can be read, and retried.
 */
import type { Clock } from "../contract/clock.ts";
import { sideBytes } from "../contract/side-data.ts";
import { LIMITS } from "../limits.ts";
import type { RolloutLife } from "./life.ts";
import { Tombstones } from "./tombstones.ts";

interface Entry {
  readonly life: RolloutLife;
  readonly expiresAt: number;
  /** Of its prompt, its output and its side data. */
  readonly bytes: number;
}

export interface FinishedLimits {
  readonly finishedRollouts: number;
  readonly finishedBytes: number;
  readonly tombstones: number;
}

export class Finished {
  readonly #clock: Clock;
  readonly #ttlMs: number;
  /** In order of ending, which is the order of expiry. */
  readonly #entries = new Map<string, Entry>();
  readonly #tombstones: Tombstones;
  /** Of all entries. */
  #bytes = 0;

  readonly #limits: FinishedLimits;

  constructor(clock: Clock, ttlMs: number, limits: FinishedLimits = LIMITS) {
    this.#clock = clock;
    this.#ttlMs = ttlMs;
    this.#limits = limits;
    this.#tombstones = new Tombstones(limits.tombstones);
  }

  add(life: RolloutLife): void {
    this.#drop(life.key);
    const bytes = bytesOf(life);
    this.#entries.set(life.key, { life, expiresAt: this.#clock.now() + this.#ttlMs, bytes });
    this.#bytes += bytes;
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

  /** Whether there was a Result of this body, or of another under the same key. */
  tombstone(key: string, bodyHash: string): "same" | "other" | null {
    return this.#tombstones.find(key, bodyHash);
  }

  #sweep(): void {
    const now = this.#clock.now();
    for (const [key, { life, expiresAt }] of this.#entries) {
      if (expiresAt > now && !this.#isFull()) return;
      this.#drop(key);
      if (life.ended && "result" in life.ended) {
        this.#tombstones.bury(key, life.rollout.bodyHash);
      }
    }
  }

  #isFull(): boolean {
    return (
      this.#entries.size > this.#limits.finishedRollouts ||
      // The newest stays, however big: its caller may not have read it yet.
      (this.#bytes > this.#limits.finishedBytes && this.#entries.size > 1)
    );
  }

  #drop(key: string): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0;
    this.#entries.delete(key);
  }
}

function bytesOf({ rollout, outputTokens, ended }: RolloutLife): number {
  const tokens = 4 * rollout.promptTokenIds.length + 8 * outputTokens;
  if (ended === null || !("result" in ended) || ended.result.side === null) return tokens;
  return tokens + sideBytes(ended.result.side);
}
