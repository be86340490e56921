/**
 * Where a card's KV probably is: its session's home, and the slots that were given the same prompt
 * prefix or a sibling of its group (predicted cache, recorded at dispatch, so that siblings do not
 * burst over the fleet). All of it bounded, and void once the slot's cache is.
 */
import type { Attempt } from "./attempts.ts";
import { type Card, PREFIX_BLOCK_TOKENS } from "./card.ts";
import { Generations } from "./generations.ts";
import type { SchedulerOptions } from "./options.ts";
import type { Slot } from "./slots.ts";

/** A slot that probably holds KV of the first `tokens` tokens of a prompt. */
interface Trace {
  readonly slot: Slot;
  readonly life: number;
  readonly tokens: number;
}

export interface Hint {
  readonly slot: Slot;
  cachedTokens: number;
  readonly home: boolean;
}

const alive = (trace: Trace): boolean => trace.life === trace.slot.cacheLife;

export class Affinity {
  readonly #homes: Generations<string, Trace>;
  /** Latest first. */
  readonly #marks: Generations<number | string, Trace[]>;
  readonly #seeds = new Generations<string, number>(4_096);
  readonly #prefixSlots: number;

  constructor(options: SchedulerOptions) {
    this.#homes = new Generations(options.sessionLimit);
    this.#marks = new Generations(options.prefixLimit);
    this.#prefixSlots = options.prefixSlots;
  }

  /** Slots worth a look beside the cheapest ones; the home first. */
  hints(card: Card): Hint[] {
    const hints: Hint[] = [];
    const home = card.session === null ? undefined : this.#homes.get(card.session);
    if (home !== undefined && alive(home)) {
      hints.push({ slot: home.slot, cachedTokens: home.tokens, home: true });
    }
    this.#eachMark(card, (mark) => {
      for (const trace of this.#marks.get(mark) ?? []) {
        if (!alive(trace)) continue;
        const known = hints.find((hint) => hint.slot === trace.slot);
        if (known === undefined) {
          hints.push({ slot: trace.slot, cachedTokens: trace.tokens, home: false });
        } else known.cachedTokens = Math.max(known.cachedTokens, trace.tokens);
      }
    });
    // A prompt's last token is always computed.
    const most = card.promptTokens + card.outputTokens - 1;
    for (const hint of hints) hint.cachedTokens = Math.max(0, Math.min(hint.cachedTokens, most));
    return hints;
  }

  granted(attempt: Attempt): void {
    const { card, slot } = attempt;
    this.#settle(attempt);
    this.#eachMark(card, (mark, tokens) => {
      const trace = { slot, life: slot.cacheLife, tokens };
      const known = this.#marks.get(mark);
      if (known === undefined) {
        this.#marks.set(mark, [trace]);
        return;
      }
      const [latest] = known;
      if (latest?.slot === slot && alive(latest) && latest.tokens >= tokens) return;
      const at = known.findIndex((other) => other.slot === slot);
      if (at >= 0) known.splice(at, 1);
      else if (known.length === this.#prefixSlots) known.pop();
      known.unshift(trace);
    });
  }

  /** The context that the attempt leaves behind is what the session's next turn finds. */
  ended(attempt: Attempt): void {
    this.#settle(attempt);
  }

  sessionFinished(session: string): void {
    this.#homes.delete(session);
  }

  #settle(attempt: Attempt): void {
    const { card, slot, contextTokens, cacheLife } = attempt;
    if (card.session === null) return;
    this.#homes.set(card.session, { slot, life: cacheLife, tokens: contextTokens });
  }

  /**
   * Marks stand after 1, 2, 4, 8 … blocks and at the last one, so that equal prompts meet fully and
   * others to within half, at a cost that grows with the logarithm of the prompt. Where the prompt is
   * shorter than a block, a group meets by its id.
   */
  #eachMark(card: Card, visit: (mark: number | string, tokens: number) => void): void {
    const { prefix, group } = card;
    if (prefix.length === 0) {
      if (group !== null) visit(`${card.policy} ${card.job}/${group.id}`, card.promptTokens);
      return;
    }
    const seed = this.#seed(card.policy);
    const last = prefix.length - 1;
    for (let at = 1; at - 1 < last; at *= 2) {
      visit(((prefix[at - 1] as number) ^ seed) >>> 0, at * PREFIX_BLOCK_TOKENS);
    }
    visit(((prefix[last] as number) ^ seed) >>> 0, (last + 1) * PREFIX_BLOCK_TOKENS);
  }

  /** KV of one policy says nothing about another's: FNV-1a of the name keeps their marks apart. */
  #seed(policy: string): number {
    let seed = this.#seeds.get(policy);
    if (seed === undefined) {
      seed = 0x811c9dc5;
      for (let i = 0; i < policy.length; i++) {
        seed = Math.imul(seed ^ policy.charCodeAt(i), 0x01000193);
      }
      this.#seeds.set(policy, seed);
    }
    return seed;
  }
}
