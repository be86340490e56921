/**
 * Slots that are kept free for the first of a line, so that what is small does not pass it for ever: after so many grants
 * that went past it, or where it is a session that has waited long for room that others at rest take. One a kind at a time.
 */
import { leastTokens } from "./card.ts";
import type { Lane } from "./line.ts";
import type { SchedulerOptions } from "./options.ts";
import type { Kind } from "./roster.ts";
import type { Segments } from "./segments.ts";
import type { Slot } from "./slots.ts";
import type { Waiting } from "./waiting.ts";

export class Claims {
  readonly #segments: Segments;
  readonly #options: SchedulerOptions;
  readonly #claimed: (claimant: Waiting) => void;

  /** `claimed` hears of each that has a slot now. */
  constructor(segments: Segments, options: SchedulerOptions, claimed: (claimant: Waiting) => void) {
    this.#segments = segments;
    this.#options = options;
    this.#claimed = claimed;
  }

  /** A grant went past the first of a line. */
  passed(lane: Lane, kind: Kind): void {
    const { head } = lane.queue;
    // It waits for its own slot, and no other is to be kept free for it.
    if (this.#segments.isParked(head)) return;
    head.passed++;
    if (head.passed >= this.#options.claimAfterPasses) this.#claim(lane, kind);
  }

  /** The first of the kind's line may have waited too long for room that sessions at rest take. */
  relieve(kind: Kind, now: number): void {
    const { first } = kind.line;
    if (first === null || first.queue.head.card.session === null) return;
    const waited = (now - first.queue.acceptedAt) / 1_000;
    if (waited > this.#options.sessionPatienceSeconds) this.#claim(first, kind);
  }

  /** Answers whether the slot was kept free: others may have it now. */
  release(slot: Slot): boolean {
    const claimant = slot.claimedBy;
    if (claimant === null) return false;
    slot.claimedBy = null;
    claimant.claims = claimant.claims.filter((claimed) => claimed !== slot);
    const { kind } = slot.worker;
    if (kind.claimed === slot) kind.claimed = null;
    return true;
  }

  #claim({ account, queue: { head } }: Lane, kind: Kind): void {
    if (account.job.full || kind.claimed !== null) return;
    const { card } = head;
    const slot = kind.index.roomiest(
      ({ usable, worker, claimedBy }) =>
        worker.open &&
        claimedBy === null &&
        leastTokens(card) <= Math.min(usable, kind.facts.maxModelLen) &&
        !card.avoid.includes(worker.incarnation),
    );
    if (slot === null) return;
    slot.claimedBy = head;
    head.claims = [...head.claims, slot];
    kind.claimed = slot;
    kind.index.changed(slot);
    this.#claimed(head);
  }
}
