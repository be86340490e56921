/**
 * Picks the slot for one card: the cheapest among the index's best and the slots that hold its KV,
 * except that what has a home stays there unless leaving is worth it (hysteresis). KV that lies in the host's memory or
 * in a pool costs the time to fetch it instead of its prefill.
 */
import type { Random } from "../contract/clock.ts";
import type { Adapter } from "./adapters.ts";
import type { Affinity, Hint, Pooled } from "./affinity.ts";
import type { WaitingClass } from "./buffer.ts";
import { type Card, leastTokens } from "./card.ts";
import { type Ask, slotSeconds } from "./cost.ts";
import type { Wish } from "./forecast.ts";
import type { Group } from "./groups.ts";
import type { SchedulerOptions } from "./options.ts";
import type { Marks } from "./prefix-marks.ts";
import type { Residents } from "./residents.ts";
import type { Kind } from "./roster.ts";
import type { Slot } from "./slots.ts";
import type { Waiting } from "./waiting.ts";

/** A card that asks for a place; `waiting` where it stands in a line. */
export interface Applicant {
  readonly card: Card;
  readonly class: WaitingClass;
  readonly waiting: Waiting | null;
  readonly group: Group | null;
  readonly marks: Marks;
  readonly outlook: Wish;
}

export interface Place {
  readonly slot: Slot;
  readonly seconds: number;
  /** Tokens that need not be computed there. */
  readonly cachedTokens: number;
  /** Of `seconds`, what fetching some of them takes. */
  readonly fetchSeconds: number;
}

/** Tokens that must fit on a slot of the kind. */
const tokensOn = (kind: Kind, { card, outlook }: Applicant): number =>
  Math.min(outlook.peakTokens, kind.largestFor(card.avoid));

export class Placer {
  readonly #affinity: Affinity;
  readonly #residents: Residents;
  readonly #random: Random;
  readonly #options: SchedulerOptions;

  constructor(affinity: Affinity, residents: Residents, random: Random, options: SchedulerOptions) {
    this.#affinity = affinity;
    this.#residents = residents;
    this.#random = random;
    this.#options = options;
  }

  /** Null where no eligible slot has room. A holder of the last token's version comes before any other. */
  place(applicant: Applicant, now: number): Place | null {
    const { class: cls, card } = applicant;
    if (this.#residents.homeOf(card) === null && !this.#anyRoom(applicant)) return null;
    const hints = this.#affinity.hints(card, applicant.marks, now);
    for (const slot of applicant.waiting?.claims ?? []) addTo(hints, slot);
    for (const kind of cls.kinds.keys()) {
      const adapter = adapterOf(kind, applicant);
      if (adapter === null) continue;
      for (const slot of this.#affinity.adapters.candidates(adapter)) addTo(hints, slot);
    }
    const context = card.promptTokens + card.outputTokens;
    const ask: Ask = {
      contextTokens: context,
      prefillTokens: context,
      newTokens: applicant.outlook.growth,
      nowSeconds: now / 1_000,
    };
    if (card.lastVersion !== null) {
      const same = (kind: Kind): boolean => cls.kinds.get(kind) === card.lastVersion;
      const place = this.#among(applicant, ask, hints, same);
      if (place !== null) return place;
    }
    return this.#among(applicant, ask, hints, () => true);
  }

  /** Costs as `place` counts them, of one slot. For the bench's full scan. */
  price(ask: Ask, slot: Slot, cachedTokens: number, rest: Slot | null = null): number {
    const { kvBarrierSeconds } = this.#options;
    return slotSeconds(ask, slot, cachedTokens, kvBarrierSeconds, rest === slot ? 0 : slot.resting);
  }

  /** Seconds until the slot that has its context has room for it, and what it costs there then; null: it has, or is of no use. */
  #awaited({ card, marks, class: cls, outlook }: Applicant, ask: Ask, hint: Hint): number | null {
    const { slot } = hint;
    if (!slot.worker.open || !cls.kinds.has(slot.worker.kind)) return null;
    if (this.#never(card, slot)) return null;
    const missing = Math.min(outlook.peakTokens, slot.usable) - slot.roomAtHome(null);
    const wait = slot.secondsUntilFree(missing - slot.shared.of(marks));
    if (!(wait > 0)) return null;
    return wait + this.price(ask, slot, hint.cachedTokens, slot) + hostSeconds(hint);
  }

  #anyRoom(applicant: Applicant): boolean {
    const { class: cls, waiting } = applicant;
    if (waiting !== null && waiting.claims.length > 0) return true;
    for (const kind of cls.kinds.keys()) {
      if (kind.index.room >= tokensOn(kind, applicant)) return true;
    }
    return false;
  }

  #among(
    applicant: Applicant,
    ask: Ask,
    hints: readonly Hint[],
    eligible: (kind: Kind) => boolean,
  ): Place | null {
    const { card, class: cls } = applicant;
    let best: Place | null = null;
    let home: Place | null = null;
    const near: Place[] = [];
    let awaited = Number.POSITIVE_INFINITY;
    // Where its context is void by now nothing of it rests.
    const rests = this.#residents.homeOf(card);
    const rest = hints.some((hint) => hint.home && hint.slot === rests) ? rests : null;
    for (const hint of hints) {
      const { slot, cachedTokens } = hint;
      if (!cls.kinds.has(slot.worker.kind) || !eligible(slot.worker.kind)) continue;
      if (!this.#fits(applicant, slot, rest)) {
        if (slot === rest || hint.parked) awaited = this.#awaited(applicant, ask, hint) ?? awaited;
        continue;
      }
      const fetchSeconds = hostSeconds(hint);
      const seconds =
        this.price(ask, slot, cachedTokens, rest) +
        fetchSeconds +
        this.#loadSeconds(applicant, slot);
      const place = { slot, cachedTokens, seconds, fetchSeconds };
      if (hint.home) home = place;
      if (isSibling(applicant, hint)) near.push(place);
      else if (best === null || place.seconds < best.seconds) best = place;
    }
    const ties = this.#random.u32();
    const pooled = this.#affinity.pooled(card);
    for (const kind of cls.kinds.keys()) {
      if (!eligible(kind) || leastTokens(card) > kind.longestContext) continue;
      const { cachedTokens, fetchSeconds } = fetched(pooled, kind, cls);
      const found = kind.index.cheapest({
        ask: cachedTokens === 0 ? ask : { ...ask, prefillTokens: ask.prefillTokens - cachedTokens },
        tokens: tokensOn(kind, applicant),
        avoid: card.avoid,
        below: (best?.seconds ?? Number.POSITIVE_INFINITY) - fetchSeconds,
        ties,
      });
      if (found !== null) {
        const { slot } = found;
        const seconds = found.seconds + fetchSeconds + this.#loadSeconds(applicant, slot);
        if (best === null || seconds < best.seconds) {
          best = { slot, cachedTokens, seconds, fetchSeconds };
        }
      }
    }
    best = nearest(near, best);
    // It waits here, for whichever room comes first, and not at one engine for that one's.
    if (best?.seconds === Number.POSITIVE_INFINITY) return null;
    if (best !== null && awaited + this.#options.affinityMarginSeconds < best.seconds) return null;
    if (home === null || best === null) return best;
    return this.#worthLeaving(home, best) ? best : home;
  }

  /** Until the LoRA adapter that it needs is loaded there. */
  #loadSeconds(applicant: Applicant, slot: Slot): number {
    if (slot.worker.adapters === null) return 0;
    const adapter = adapterOf(slot.worker.kind, applicant);
    return adapter === null ? 0 : this.#affinity.adapters.seconds(adapter, slot.worker);
  }

  #worthLeaving(home: Place, best: Place): boolean {
    const { affinityMarginSeconds, affinityMoveShare } = this.#options;
    const computed = Math.max(0, home.cachedTokens - best.cachedTokens);
    const move = computed / best.slot.prefillTokensPerSecond + best.fetchSeconds;
    const margin = Math.max(affinityMarginSeconds, affinityMoveShare * move);
    return home.seconds - best.seconds > margin;
  }

  /** However empty it is. */
  #never(card: Card, { worker, usable }: Slot): boolean {
    const least = leastTokens(card);
    if (least > usable || least > worker.kind.facts.maxModelLen) return true;
    return card.avoid.length > 0 && card.avoid.includes(worker.incarnation);
  }

  #fits({ card, marks, outlook, waiting }: Applicant, slot: Slot, rest: Slot | null): boolean {
    if (this.#never(card, slot)) return false;
    const tokens = Math.min(outlook.peakTokens, slot.usable);
    const room = slot === rest ? slot.roomAtHome(waiting) : slot.room(waiting);
    if (tokens <= room || room < 0) return tokens <= room;
    // Its engine has part of it already, and holds that once.
    return tokens - slot.shared.of(marks) <= room;
  }
}

/** Nobody waits, and it is placed beside what its group left of the prompt. */
function isSibling({ card, waiting }: Applicant, { home, cachedTokens }: Hint): boolean {
  const alone = card.group === null || card.session !== null;
  return waiting === null && !alone && !home && cachedTokens > 0;
}

/**
 * Siblings are long together, and who is beside the longest slows it down. Where nobody waits no room is short, and all is
 * over when the longest is: KV of their prompt is worth the time that it takes to compute, once, and not once for all that decode.
 */
function nearest(near: readonly Place[], best: Place | null): Place | null {
  const beside = best?.slot.running ?? 0;
  let [place, least] = [best, best?.seconds ?? Number.POSITIVE_INFINITY];
  for (const each of near) {
    const stall = (beside * each.cachedTokens) / each.slot.prefillTokensPerSecond;
    if (each.seconds + stall < least) [place, least] = [each, each.seconds + stall];
  }
  return place;
}

/** What such a worker would serve it with, where that is an adapter. */
function adapterOf(kind: Kind, { card, class: cls }: Applicant): Adapter | null {
  const version = cls.kinds.get(kind);
  const held = kind.facts.holds.find(
    (each) => each.policy === card.policy && each.version === version,
  );
  return held?.base === undefined ? null : held;
}

function addTo(hints: Hint[], slot: Slot): void {
  if (hints.some((hint) => hint.slot === slot)) return;
  hints.push({ slot, cachedTokens: 0, hostTokens: 0, home: false, parked: false });
}

function hostSeconds({ slot, hostTokens }: Hint): number {
  if (hostTokens === 0) return 0;
  return hostTokens / (slot.worker.view.tiers?.hostTokensPerSecond ?? slot.prefillTokensPerSecond);
}

type Fetched = Pick<Place, "cachedTokens" | "fetchSeconds">;

const NOTHING: Fetched = { cachedTokens: 0, fetchSeconds: 0 };

/** What a worker of the kind would fetch from the pool: KV of the version that it would serve the class with. */
function fetched(pooled: Pooled | null, kind: Kind, cls: WaitingClass): Fetched {
  const { poolTokensPerSecond: rate } = kind.facts;
  if (pooled === null || rate === null || pooled.version !== cls.kinds.get(kind)) return NOTHING;
  return { cachedTokens: pooled.tokens, fetchSeconds: pooled.tokens / rate };
}
