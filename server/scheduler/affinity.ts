/**
 * Where a card's KV is, or probably is. Slots whose engines tell what they cache are known exactly (`cached-blocks.ts`).
 * For the others, and for what an engine has not told yet, it is predicted at dispatch: a session's home, and the slots
 * that were given the same prompt prefix or a sibling of its group, so that siblings do not burst over the fleet. A
 * prediction holds while its version is held there and until a whole cache of other tokens has gone through the slot.
 */
import { cacheNamespace, type HeldVersion } from "../contract/policy.ts";
import { Adapters } from "./adapters.ts";
import type { Attempt } from "./attempts.ts";
import { CachedBlocks, type CacheEvent, cachedDepth } from "./cached-blocks.ts";
import { type Card, PREFIX_BLOCK_TOKENS } from "./card.ts";
import { Generations } from "./generations.ts";
import type { SchedulerOptions } from "./options.ts";
import type { Marks } from "./prefix-marks.ts";
import type { Cut } from "./segments.ts";
import type { Slot } from "./slots.ts";

/** A slot that probably holds KV of the first `tokens` tokens of a prompt. */
interface Trace {
  readonly slot: Slot;
  readonly life: number;
  /** Whose KV it is: of another version, or load, it is of no use. */
  readonly held: HeldVersion;
  /** The worker's, when `held` was last seen to be there. */
  holdsLife: number;
  tokens: number;
  /** The slot's, when this was last used. */
  filled: number;
  /** Clock time in seconds from which on the engine has told of it, if it tells at all. */
  toldAt: number;
  /** What it is of, where that was cut: its tier keeps it, however much goes through the cache. */
  readonly cut: Cut | null;
}

export interface Hint {
  readonly slot: Slot;
  cachedTokens: number;
  /** Of these, such as come back from the host's memory. */
  hostTokens: number;
  readonly home: boolean;
  /** It was cut there, and no other slot reads what it left. */
  readonly parked: boolean;
}

/** KV that lies in the pool. */
export interface Pooled {
  readonly version: number;
  readonly tokens: number;
}

export class Affinity {
  readonly adapters: Adapters;
  readonly #homes: Generations<string, Trace>;
  /** What was cut and is to go on, by key. */
  readonly #cuts: Generations<string, Trace>;
  /** Latest first. */
  readonly #marks: Generations<number | string, Trace[]>;
  readonly #blocks: CachedBlocks;
  readonly #options: SchedulerOptions;

  constructor(options: SchedulerOptions) {
    this.#homes = new Generations(options.sessionLimit);
    this.#cuts = new Generations(options.sessionLimit);
    this.#marks = new Generations(options.prefixLimit);
    this.#blocks = new CachedBlocks(options);
    this.adapters = new Adapters(options);
    this.#options = options;
  }

  /** Slots worth a look beside the cheapest ones; the home first. */
  hints(card: Card, { keys, ends }: Marks, now: number): Hint[] {
    const hints: Hint[] = [];
    const home = this.#home(card);
    if (home !== undefined && alive(home)) hints.push(this.#hint(home, card, now, true));
    for (let i = 0; i < keys.length; i++) {
      const mark = keys[i] as number | string;
      for (const trace of this.#marks.get(mark) ?? NO_TRACES) {
        if (!alive(trace)) continue;
        const known = hints.find((hint) => hint.slot === trace.slot);
        if (known === undefined) hints.push(this.#hint(trace, card, now, false));
        else if (trace.tokens > known.cachedTokens) keep(known, trace, card, now);
      }
      if (typeof mark === "string" || this.#blocks.empty) continue;
      for (const slot of this.#blocks.holders(mark)) {
        const known = hints.find((hint) => hint.slot === slot);
        if (known === undefined) {
          const cachedTokens = exactTokens(slot, card);
          hints.push({ slot, cachedTokens, hostTokens: 0, home: false, parked: false });
        } else known.cachedTokens = Math.max(known.cachedTokens, ends[i] as number);
      }
    }
    // A prompt's last token is always computed.
    const most = card.promptTokens + card.outputTokens - 1;
    for (const hint of hints) hint.cachedTokens = Math.max(0, Math.min(hint.cachedTokens, most));
    return hints;
  }

  /** What workers with a pool could fetch of it: its session's context once its last turn is over, or its own where it was cut. */
  pooled(card: Card): Pooled | null {
    const home = this.#home(card);
    if (home === undefined || (home.slot.worker.view.tiers?.poolTokensPerSecond ?? null) === null)
      return null;
    const tokens = Math.min(home.tokens, card.promptTokens + card.outputTokens - 1);
    return { version: home.held.version, tokens };
  }

  granted(attempt: Attempt, held: HeldVersion): void {
    const { card, slot, marks } = attempt;
    slot.shared.add(marks);
    this.adapters.granted(attempt);
    this.#settle(attempt, held);
    if (card.attempt > 1) this.#cuts.delete(card.key);
    for (let i = 0; i < marks.keys.length; i++) {
      const tokens = marks.ends[i] as number;
      this.#trail(marks.keys[i] as number | string, this.#trace(slot, held, tokens));
    }
  }

  /** The slot has the mark now, and longest of all. */
  #trail(mark: number | string, trace: Trace): void {
    const known = this.#marks.get(mark);
    if (known === undefined) {
      this.#marks.set(mark, [trace]);
      return;
    }
    const at = known.findIndex((other) => other.slot === trace.slot);
    const old = known[at];
    if (old !== undefined && old.tokens > trace.tokens && alive(old)) trace.tokens = old.tokens;
    if (at === 0) {
      known[0] = trace;
      return;
    }
    if (at > 0) known.splice(at, 1);
    else if (known.length === this.#options.prefixSlots) known.pop();
    known.unshift(trace);
  }

  /** The context that the attempt leaves behind is what the session's next turn finds. */
  ended(attempt: Attempt): void {
    attempt.slot.shared.remove(attempt.marks);
    this.adapters.ended(attempt);
    this.#settle(attempt, attempt.held);
  }

  /** What it leaves is kept where the slot's tiers keep it, and found by its next attempt. */
  cut(attempt: Attempt, cut: Cut): void {
    const { card, slot, contextTokens, cacheLife: life, held } = attempt;
    this.#cuts.set(card.key, { ...this.#trace(slot, held, contextTokens), life, cut });
  }

  sessionFinished(session: string): void {
    this.#homes.delete(session);
  }

  /** What the slot's engine says. */
  told(slot: Slot, event: CacheEvent): void {
    this.#blocks.apply(slot, event);
  }

  /** The slot is gone for good. */
  forget(slot: Slot): void {
    this.#blocks.forget(slot);
  }

  #home(card: Card): Trace | undefined {
    const cut = card.attempt > 1 ? this.#cuts.get(card.key) : undefined;
    return cut ?? (card.session === null ? undefined : this.#homes.get(card.session));
  }

  #settle(attempt: Attempt, held: HeldVersion): void {
    const { card, slot, contextTokens, cacheLife } = attempt;
    if (card.session === null) return;
    this.#homes.set(card.session, { ...this.#trace(slot, held, contextTokens), life: cacheLife });
  }

  #trace(slot: Slot, held: HeldVersion, tokens: number): Trace {
    const { cacheLife: life, filled, prefillFreeAt, worker } = slot;
    const toldAt = prefillFreeAt + this.#options.cacheEventSeconds;
    return { slot, life, held, holdsLife: worker.holdsLife, tokens, filled, toldAt, cut: null };
  }

  #hint(trace: Trace, card: Card, now: number, home: boolean): Hint {
    const { slot, cut } = trace;
    const parked = cut !== null && slot.worker.kind.facts.poolTokensPerSecond === null;
    const hint: Hint = { slot, cachedTokens: 0, hostTokens: 0, home, parked };
    keep(hint, trace, card, now);
    return hint;
  }
}

/** Adds what a trace tells, if it is more. An engine that tells is believed from when it should have told; but the end of a prompt is no whole block. */
function keep(hint: Hint, { slot, tokens, filled, toldAt }: Trace, card: Card, now: number): void {
  let cached = tokens;
  let host = slot.filled - filled > slot.kvTokens ? tokens : 0;
  if (slot.cached !== null && now / 1_000 > toldAt) {
    const exact = exactTokens(slot, card);
    const whole = exact === card.prefix.length * PREFIX_BLOCK_TOKENS;
    cached = whole ? Math.max(exact, tokens) : exact;
    host = 0;
  }
  if (cached <= hint.cachedTokens) return;
  hint.cachedTokens = cached;
  hint.hostTokens = host;
}

const NO_TRACES: readonly Trace[] = [];

const exactTokens = (slot: Slot, { prefix }: Card): number =>
  slot.cached === null ? 0 : cachedDepth(slot.cached, prefix) * PREFIX_BLOCK_TOKENS;

/** Least recently used goes first: after a whole cache of other tokens it is gone, from the host's memory after that of both. */
function isGone({ slot, filled }: Trace): boolean {
  const since = slot.filled - filled;
  // Views of a thousand workers lie far away: nearly always this is told without.
  if (since <= slot.kvTokens) return false;
  return since > slot.kvTokens + (slot.worker.view.tiers?.hostTokens ?? 0);
}

function alive(trace: Trace): boolean {
  const { slot, life, cut } = trace;
  if (life !== slot.cacheLife) return false;
  const { worker } = slot;
  if (cut !== null && worker.view.tiers != null ? !cut.kept : isGone(trace)) return false;
  const { holdsLife } = worker;
  if (trace.holdsLife === holdsLife) return true;
  const namespace = cacheNamespace(trace.held);
  if (!worker.view.holds.some((held) => cacheNamespace(held) === namespace)) return false;
  trace.holdsLife = holdsLife;
  return true;
}
