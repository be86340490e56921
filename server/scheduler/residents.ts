/**
 * Sessions between turns, and the KV budget of the slots where they rest. Late binding looks at what runs; a session whose tool
 * runs holds its context all the same, and if all of them are let in the engine drops each just before its next turn.
 * So who rests counts, with the probability that its turn comes sooner than giving its room away and computing it again
 * takes; its turn goes before newcomers; and where a slot has too much, who has rested longest is paused: its next turn waits until
 * some slot has room for it. That is the end that the engine drops first, too.
 */
import type { Attempt } from "./attempts.ts";
import type { Card } from "./card.ts";
import type { Gaps } from "./gaps.ts";
import type { SchedulerOptions } from "./options.ts";
import type { Slot } from "./slots.ts";

export class Resident {
  readonly session: string;
  readonly job: string;
  /** Where it rests; null while it runs, and while it is paused. */
  slot: Slot | null = null;
  /** The slot's when it came to rest. */
  life = 0;
  paused = false;
  /** Turns that run, on several branches. */
  running = 0;
  /** Its turn is there and waits. */
  asking = false;
  /** Clock time, ms, when its last turn ended. */
  since = 0;
  /** Of its context, what nobody else there has. */
  tokens = 0;
  /** Of its last turn. */
  promptTokens = 0;
  /** What of its tokens counts, and of what it will soon have grown by. */
  weighed = 0;
  growing = 0;
  /** Whoever asks for its turns knows that another comes. */
  promised = false;

  constructor(session: string, job: string) {
    this.session = session;
    this.job = job;
  }
}

export class Residents {
  readonly #all = new Map<string, Resident>();
  readonly #gaps: Gaps;
  readonly #options: SchedulerOptions;
  #paused = 0;

  constructor(gaps: Gaps, options: SchedulerOptions) {
    this.#gaps = gaps;
    this.#options = options;
  }

  get alive(): number {
    return this.#all.size;
  }

  /** Sessions without a place, whose next turn waits for one. */
  get paused(): number {
    return this.#paused;
  }

  /** Where the card's session rests. */
  homeOf({ session }: Card): Slot | null {
    const resident = session === null ? undefined : this.#all.get(session);
    const slot = resident?.slot ?? null;
    return slot !== null && resident?.life === slot.cacheLife ? slot : null;
  }

  isPaused({ session }: Card): boolean {
    return session !== null && this.#all.get(session)?.paused === true;
  }

  /** Its next turn is there. */
  asked({ session, attempt, promptTokens }: Card, now: number): void {
    const resident = session === null ? undefined : this.#all.get(session);
    if (resident === undefined || resident.running > 0) return;
    if (attempt === 1 && !resident.asking) {
      const grown = promptTokens - resident.promptTokens;
      this.#gaps.came(resident.job, now - resident.since, grown);
    }
    resident.asking = true;
    this.#weigh(resident, now);
  }

  /** Its turn was taken back before it ran. */
  withdrawn({ session }: Card, now: number): void {
    const resident = session === null ? undefined : this.#all.get(session);
    if (resident === undefined) return;
    resident.asking = false;
    this.#weigh(resident, now);
  }

  granted({ session, job, nextTurn, promptTokens }: Card): void {
    if (session === null) return;
    const resident = this.#all.get(session) ?? this.#enter(session, job);
    this.#leave(resident);
    this.#setPaused(resident, false);
    resident.asking = false;
    resident.promised = nextTurn === true;
    resident.promptTokens = promptTokens;
    resident.running++;
  }

  /** The attempt is over, its slot's books without it; its context stays. */
  ended({ card, slot, marks, contextTokens, cacheLife }: Attempt, now: number): void {
    const resident = card.session === null ? undefined : this.#all.get(card.session);
    if (resident === undefined) return;
    resident.running = Math.max(0, resident.running - 1);
    if (resident.running > 0) return;
    if (card.nextTurn === false) {
      this.finished(resident.session);
      return;
    }
    // The longest at rest are first, here and on the slot.
    this.#all.delete(resident.session);
    this.#all.set(resident.session, resident);
    // A turn that began before its session was over may end after another has come to rest.
    this.#leave(resident);
    resident.since = now;
    resident.life = cacheLife;
    if (cacheLife !== slot.cacheLife) return;
    resident.slot = slot;
    resident.tokens = Math.max(0, contextTokens - slot.shared.of(marks));
    slot.residents.add(resident);
    this.aged(slot, now);
  }

  /** Answers the slot where it rested. */
  finished(session: string): Slot | null {
    const resident = this.#all.get(session);
    if (resident === undefined) return null;
    const { slot } = resident;
    this.#gaps.over(resident.job);
    this.#forget(resident);
    return slot;
  }

  /** Time has passed: what rests there counts less. */
  aged(slot: Slot, now: number): void {
    for (const resident of slot.residents) this.#weigh(resident, now);
    this.fit(slot);
  }

  /** Pauses who has rested longest, until what runs and what rests fit. */
  fit(slot: Slot): void {
    for (const resident of slot.residents) {
      if (slot.held + slot.foreign + slot.resting <= slot.usable) return;
      if (resident.asking) continue;
      this.#leave(resident);
      this.#setPaused(resident, true);
    }
  }

  /** The slot is gone, or its cache is. */
  emptied(slot: Slot): void {
    for (const resident of slot.residents) this.#leave(resident);
  }

  #enter(session: string, job: string): Resident {
    const resident = new Resident(session, job);
    this.#all.set(session, resident);
    if (this.#all.size > this.#options.sessionLimit) {
      for (const oldest of this.#all.values()) {
        if (oldest.running > 0) continue;
        this.#forget(oldest);
        break;
      }
    }
    return resident;
  }

  #forget(resident: Resident): void {
    this.#leave(resident);
    this.#setPaused(resident, false);
    this.#all.delete(resident.session);
  }

  #leave(resident: Resident): void {
    const { slot } = resident;
    if (slot === null) return;
    slot.residents.delete(resident);
    slot.resting -= resident.weighed;
    slot.growing -= resident.growing;
    // What rounding left must not add up.
    if (slot.residents.size === 0) slot.resting = slot.growing = 0;
    resident.weighed = resident.growing = 0;
    resident.slot = null;
  }

  #setPaused(resident: Resident, paused: boolean): void {
    if (resident.paused === paused) return;
    resident.paused = paused;
    this.#paused += paused ? 1 : -1;
  }

  #weigh(resident: Resident, now: number): void {
    const { slot, tokens, asking, since, job, promised } = resident;
    if (slot === null) return;
    let share = 1;
    if (!asking) {
      // To give its room away takes two prefills, the newcomer's and its own when it is back, and each stalls who decodes there.
      const exchangeMs = (2_000 * (1 + slot.running) * tokens) / slot.prefillTokensPerSecond;
      const follows = promised ? 1 : this.#gaps.follows(job);
      share = follows * this.#gaps.returns(job, now - since, exchangeMs);
    }
    const growing = share * this.#options.residentTurns * this.#gaps.growth(job);
    slot.resting += share * tokens - resident.weighed;
    slot.growing += growing - resident.growing;
    resident.weighed = share * tokens;
    resident.growing = growing;
  }
}
