/**
 * Rollouts that have ended: readable for `ttlMs`, then a tombstone (`tombstones.ts`), so that a late
 * retry is never generated again in silence (I4). An error is no result: it can be read, and retried.
 */
import { AgeMap } from "../age-map.ts";
import type { Clock } from "../contract/clock.ts";
import { sideBytes, sideRefs } from "../contract/side-data.ts";
import { LIMITS } from "../limits.ts";
import type { FinishedRollout } from "./finished-rollout.ts";
import { Tombstones } from "./tombstones.ts";

interface Entry {
  readonly rollout: FinishedRollout;
  readonly expiresAt: number;
  /** Of its output and its side data. */
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
  readonly #entries = new AgeMap<string, Entry>();
  readonly #tombstones: Tombstones;
  /** Of all entries. */
  #bytes = 0;

  readonly #limits: FinishedLimits;
  readonly #released: (ref: string) => void;

  /** `released`: told of side data that no Result names any more. */
  constructor(
    clock: Clock,
    ttlMs: number,
    limits: FinishedLimits = LIMITS,
    released: (ref: string) => void = () => {},
  ) {
    this.#released = released;
    this.#clock = clock;
    this.#ttlMs = ttlMs;
    this.#limits = limits;
    this.#tombstones = new Tombstones(limits.tombstones);
  }

  add(rollout: FinishedRollout): void {
    this.#drop(rollout.key);
    const bytes = bytesOf(rollout);
    this.#entries.set(rollout.key, { rollout, expiresAt: this.#clock.now() + this.#ttlMs, bytes });
    this.#bytes += bytes;
    this.sweep();
  }

  get(key: string): FinishedRollout | undefined {
    this.sweep();
    return this.#entries.get(key)?.rollout;
  }

  /** What a repeated submission joins: Results, not errors. */
  match(key: string): FinishedRollout | undefined {
    const rollout = this.get(key);
    return rollout !== undefined && "result" in rollout.ended ? rollout : undefined;
  }

  /** Whether there was a Result of this body, or of another under the same key. */
  tombstone(key: string, bodyHash: string): "same" | "other" | null {
    return this.#tombstones.find(key, bodyHash);
  }

  /** Lets go of what has expired. */
  sweep(): void {
    const now = this.#clock.now();
    for (let next = this.#entries.oldest(); next !== null; next = this.#entries.oldest()) {
      const { rollout, expiresAt } = next.value;
      if (expiresAt > now && !this.#isFull()) return;
      this.#drop(next.key);
      if ("result" in rollout.ended) this.#tombstones.bury(next.key, rollout.bodyHash);
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
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#bytes -= entry.bytes;
    this.#entries.delete(key);
    const { ended } = entry.rollout;
    const side = "result" in ended ? ended.result.side : null;
    if (side !== null) for (const ref of sideRefs(side)) this.#released(ref);
  }
}

function bytesOf(rollout: FinishedRollout): number {
  const { ended } = rollout;
  const side = "result" in ended ? ended.result.side : null;
  return 8 * rollout.progress().outputTokens + (side === null ? 0 : sideBytes(side));
}
