/**
 * Deliberate cuts: how many tokens an attempt may make before others have their turn, and what was cut and waits. Only
 * while progress is to be equal, and only of what may rightly be cut. Where a tier keeps its KV segments are short. Where
 * that is full it is cut all the same, but goes on at once where it is, until it has made so much that the turn of others is
 * worth computing it again. Where nothing keeps it a segment is such a turn.
 */
import type { Attempt } from "./attempts.ts";
import type { Card } from "./card.ts";
import type { SchedulerOptions } from "./options.ts";
import type { Worker } from "./roster.ts";
import type { Slot } from "./slots.ts";
import type { Waiting } from "./waiting.ts";

/** What an attempt that was cut left. */
export interface Cut {
  readonly attempt: number;
  readonly tokens: number;
  readonly slot: Slot;
  /** False once others have put it out of its tier. */
  kept: boolean;
}

export class Segments {
  /** Tokens of a segment; null: nothing is cut. */
  quantum: number | null = null;
  /** Whether what is cut must be computed again: a segment is a share of the limit then. */
  computed = false;
  /** Tokens that the largest tier beside a slot can keep. */
  tierTokens = 0;
  readonly #cuts = new Map<string, Cut>();
  /** Of those, by the slot beside which it lies. The oldest first, as a tier drops them. */
  readonly #parked = new WeakMap<Slot, { readonly cuts: Set<Cut>; tokens: number }>();
  readonly #options: SchedulerOptions;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** What a card may make at once where it can be cut; null: all. */
  tokens(card: Card): number | null {
    const { quantum: tokens, computed } = this;
    if (tokens === null || !card.cuttable) return null;
    const quantum = computed ? this.turnOf(card.maxNewTokens) : tokens;
    const context = card.promptTokens + card.outputTokens + quantum;
    if (!computed && context > this.tierTokens * this.#options.tierShare) return null;
    // To the next multiple, so that all are cut at the same lengths whatever lost them an attempt.
    const segment = quantum - (card.outputTokens % quantum);
    return card.outputTokens + segment < card.maxNewTokens ? segment : null;
  }

  /** Tokens of a segment of a rollout of such a limit where what is cut must be computed again. */
  turnOf(limit: number): number {
    const { segmentTokens, computedTurnShare } = this.#options;
    return Math.max(segmentTokens, Math.ceil(limit * computedTurnShare));
  }

  /** On a worker that proved resuming and, for a short one, keeps its KV; not where what it comes to would fit no worker of the kind again. */
  on({ view, kind }: Worker, card: Card): number | null {
    if (!kind.facts.resume.seeded) return null;
    const segment = this.tokens(card);
    if (segment === null) return null;
    const context = card.promptTokens + card.outputTokens + segment;
    const kept = this.computed || context <= tierOf(view) * this.#options.tierShare;
    return kept && context < kind.longestContext ? segment : null;
  }

  /** It was cut where the tier is full: whoever ran in its place would cost it, or another, its KV. */
  goesOn(card: Card): boolean {
    const { quantum } = this;
    const cut = this.#cutOf(card);
    if (quantum === null || this.computed || cut === null) return false;
    const tier = tierOf(cut.slot.worker.view);
    if (this.parkedAt(cut.slot) <= tier * this.#options.tierShare) return false;
    const turn = Math.max(quantum, card.maxNewTokens * this.#options.fullTurnShare);
    return card.outputTokens % turn >= quantum;
  }

  /** Context tokens of what was cut there and waits. */
  parkedAt(slot: Slot): number {
    return this.#parked.get(slot)?.tokens ?? 0;
  }

  cut({ card, slot, contextTokens: tokens }: Attempt): Cut {
    this.forget(card.key);
    const cut: Cut = { attempt: card.attempt, tokens, slot, kept: true };
    this.#cuts.set(card.key, cut);
    const parked = this.#parked.get(slot) ?? { cuts: new Set(), tokens: 0 };
    this.#parked.set(slot, parked);
    parked.cuts.add(cut);
    parked.tokens += tokens;
    const tier = tierOf(slot.worker.view);
    for (const oldest of parked.cuts) {
      if (parked.tokens <= tier) break;
      this.#drop(oldest);
    }
    if (this.#cuts.size > this.#options.waitingLimit) {
      const [key] = this.#cuts.keys();
      if (key !== undefined) this.forget(key);
    }
    return cut;
  }

  /** Whether the attempt before this card's was cut, and nothing worse. */
  wasCut(card: Card): boolean {
    return this.#cutOf(card) !== null;
  }

  /** The one slot that comes by its KV without computing it; null: none, or any. */
  homeOf(card: Card): Slot | null {
    const cut = this.#cutOf(card);
    return cut?.kept === true && cut.slot.worker.kind.facts.poolTokensPerSecond === null
      ? cut.slot
      : null;
  }

  /** It was cut, and only where it was has its KV. */
  isParked({ card, home }: Waiting): boolean {
    return home?.worker.open === true && this.homeOf(card) === home;
  }

  /** It runs again, or will not. */
  forget(key: string): void {
    const cut = this.#cuts.get(key);
    if (cut === undefined) return;
    this.#cuts.delete(key);
    this.#drop(cut);
  }

  #cutOf({ key, attempt }: Card): Cut | null {
    const cut = this.#cuts.get(key);
    return cut?.attempt === attempt - 1 ? cut : null;
  }

  #drop(cut: Cut): void {
    const parked = this.#parked.get(cut.slot);
    cut.kept = false;
    if (parked?.cuts.delete(cut)) parked.tokens -= cut.tokens;
  }
}

/** Tokens that the tier beside each of its slots keeps. */
const tierOf = ({ tiers }: Worker["view"]): number => tiers?.hostTokens ?? 0;
