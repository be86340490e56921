/**
 * Slots that are built alike: engines of one kind in one pool. Who is not measured yet is taken to be as fast as the peer that was last,
 * since a newcomer that looked slower than those that serve would never be tried, and so never measured. Those that wait for rates are told
 * each time as many again have them: n that start together cost n·log n, and not n².
 */
import type { Slot } from "./slots.ts";

export type MeasuredRates = Pick<Slot, "step" | "prefillTokensPerSecond">;

export class Peers {
  /** Of whoever was measured last; null before the first. */
  #rates: MeasuredRates | null = null;
  readonly #unmeasured = new Set<Slot>();
  /** How many were measured for the first time, and how many there must be before the others are told again. */
  #measured = 0;
  #tellAt = 1;

  joined(slot: Slot): void {
    if (slot.measured) return;
    this.#unmeasured.add(slot);
    if (this.#rates !== null) slot.expect(this.#rates);
  }

  left(slot: Slot): void {
    this.#unmeasured.delete(slot);
  }

  /** `slot` was measured. Answers those that have other rates because of it. */
  learn(slot: Slot): Iterable<Slot> {
    const { step, prefillTokensPerSecond } = slot;
    this.#rates = { step, prefillTokensPerSecond };
    if (!this.#unmeasured.delete(slot) || ++this.#measured < this.#tellAt) return [];
    this.#tellAt = 2 * this.#measured;
    for (const peer of this.#unmeasured) peer.expect(this.#rates);
    return this.#unmeasured;
  }
}
