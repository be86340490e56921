/**
 * Deliberate cuts: how many tokens an attempt may make before others have their turn, and what was cut and waits. Only
 * while progress is to be equal, only of what may rightly be cut, and only where a tier keeps its KV meanwhile: while that
 * is full, who begins goes to its end, and the fleet comes down to first come, first served. In a pool it is cut all the
 * same, but goes on at once where it is, until it has made so much that the turn of others is worth computing it again.
 */
import type { Card } from "./card.ts";
import type { SchedulerOptions } from "./options.ts";
import type { Worker } from "./roster.ts";

export class Segments {
  /** Tokens of a segment; null: nothing is cut. */
  quantum: number | null = null;
  /** Tokens that tiers of the fleet can keep. */
  tierTokens = 0;
  /** Whether every worker reads what any of them keeps. */
  pooled = false;
  /** Context tokens of what was cut and waits. */
  parkedTokens = 0;
  /** By key: the attempt that was cut, and what it left. The oldest first. */
  readonly #cuts = new Map<string, { readonly attempt: number; readonly tokens: number }>();
  readonly #options: SchedulerOptions;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** What a card may make at once where it can be cut; null: all. */
  tokens(card: Card): number | null {
    const { quantum } = this;
    if (quantum === null || !card.cuttable) return null;
    const context = card.promptTokens + card.outputTokens + quantum;
    const parked = this.parkedTokens - (this.#cuts.get(card.key)?.tokens ?? 0);
    const others = this.pooled ? 0 : parked;
    if (others + context > this.tierTokens * this.#options.tierShare) return null;
    // To the next multiple, so that all are cut at the same lengths whatever lost them an attempt.
    const segment = quantum - (card.outputTokens % quantum);
    return card.outputTokens + segment < card.maxNewTokens ? segment : null;
  }

  /** On a worker that proved resuming and keeps its KV; not where what it comes to would fit no worker of the kind again. */
  on({ view, kind }: Worker, card: Card): number | null {
    if (!kind.facts.resume.seeded || (view.tiers ?? null) === null) return null;
    const segment = this.tokens(card);
    if (segment === null) return null;
    const context = card.promptTokens + card.outputTokens + segment;
    return context < kind.longestContext ? segment : null;
  }

  /** It was cut while the pool is full: whoever ran in its place would cost it, or another, its KV. */
  goesOn(card: Card): boolean {
    const { quantum, pooled, parkedTokens, tierTokens } = this;
    if (quantum === null || !pooled || !this.wasCut(card)) return false;
    if (parkedTokens <= tierTokens * this.#options.tierShare) return false;
    const turn = Math.max(quantum, card.maxNewTokens * this.#options.fullTurnShare);
    return card.outputTokens % turn >= quantum;
  }

  cut(card: Card, contextTokens: number): void {
    this.forget(card.key);
    this.#cuts.set(card.key, { attempt: card.attempt, tokens: contextTokens });
    this.parkedTokens += contextTokens;
    if (this.#cuts.size <= this.#options.waitingLimit) return;
    const [oldest] = this.#cuts.keys();
    if (oldest !== undefined) this.forget(oldest);
  }

  /** Whether the attempt before this card's was cut, and nothing worse. */
  wasCut(card: Card): boolean {
    return this.#cuts.get(card.key)?.attempt === card.attempt - 1;
  }

  /** It runs again, or will not. */
  forget(key: string): void {
    const cut = this.#cuts.get(key);
    if (cut === undefined) return;
    this.#cuts.delete(key);
    this.parkedTokens -= cut.tokens;
  }
}
