/** One slot's books: what runs there, what it holds and will hold, and how fast it was measured to be. */
import type { Slot as SlotShape } from "../contract/worker.ts";
import type { Attempt } from "./attempts.ts";
import type { Cached } from "./cached-blocks.ts";
import type { SchedulerEvent } from "./events.ts";
import type { Outlook } from "./forecast.ts";
import { KvProfile } from "./kv-profile.ts";
import type { SchedulerOptions } from "./options.ts";
import type { MeasuredRates } from "./peers.ts";
import { isCount, isPrefillRate, isStep, plausibleSize } from "./plausible.ts";
import type { Resident } from "./residents.ts";
import { Returning } from "./returning.ts";
import type { Worker } from "./roster.ts";
import { SharedPrefixes } from "./shared-prefixes.ts";
import type { Waiting } from "./waiting.ts";

export type Telemetry = Extract<SchedulerEvent, { type: "telemetry" }>;

export class Slot {
  readonly worker: Worker;
  readonly index: number;
  /** Capacity. */
  kvTokens = 1;
  /** What forecasts may fill of it. */
  usable = 1;
  maxRunning = 1;
  running = 0;
  readonly profile = new KvProfile();
  /** The most KV that what runs here will hold at once, by forecast, tokens. */
  reserved = 0;
  /** What of `reserved` and `context` is counted more than once. */
  readonly shared = new SharedPrefixes();
  /** Σ context as last reported. */
  context = 0;
  /** Σ expected growth. */
  remaining = 0;
  /** KV that the engine holds beyond ours: other clients, or a `progress` that lags. */
  foreign = 0;
  step: { readonly a: number; readonly s: number };
  prefillTokensPerSecond: number;
  /** Whether these are its own rates; until then they are a default's or a peer's. */
  measured = false;
  /** Clock time in seconds at which the prefill granted so far should be through. */
  prefillFreeAt = 0;
  /** Sessions between turns whose context is here, longest at rest first, and what of it counts, tokens. */
  readonly residents = new Set<Resident>();
  resting = 0;
  /** What those will soon have grown by: newcomers leave them room for it, tokens. */
  growing = 0;
  /** They go first; of what was cut, before what was cut elsewhere. */
  readonly returning = new Returning();
  /** Kept free for this card, which was passed over too often. */
  claimedBy: Waiting | null = null;
  /** Counts what emptied the cache: remembered prefixes of an older life are void. */
  cacheLife = 0;
  /** What its engine says it has cached; null where it tells nothing. */
  cached: Cached | null = null;
  /** Tokens that were put into its cache so far: tells how much has gone through it since. */
  filled = 0;
  /** False once the worker no longer has this slot. */
  listed = true;
  /** Place in the kind's index; −1 outside. */
  leaf = -1;

  constructor(worker: Worker, shape: SlotShape, options: SchedulerOptions) {
    this.worker = worker;
    this.index = shape.index;
    this.step = options.step;
    this.prefillTokensPerSecond = options.prefillTokensPerSecond;
    this.reshape(shape, options);
  }

  reshape(shape: SlotShape, options: SchedulerOptions): void {
    this.kvTokens = plausibleSize(shape.kvTokens);
    this.usable = Math.max(1, Math.floor(this.kvTokens * (1 - options.kvHeadroom)));
    this.maxRunning = plausibleSize(shape.maxRunning);
  }

  /**
   * Tokens that may still be reserved here; −1 where nothing may start. A claimed slot has room for its claimant only. Who comes
   * anew leaves their room to sessions that rest, unless nothing would run.
   */
  room(asker: Waiting | null): number {
    const room = this.roomAtHome(asker);
    if (this.running === 0 || (asker !== null && this.claimedBy === asker)) return room;
    return room < 0 ? room : Math.max(0, room - this.resting - this.growing);
  }

  /** For a session that rests here, and before which those that have longer must go. */
  roomAtHome(asker: Waiting | null): number {
    if (!this.worker.open || !this.listed || this.running >= this.maxRunning) return -1;
    if (this.claimedBy !== null && this.claimedBy !== asker) return -1;
    return this.usable - this.held - this.foreign;
  }

  /** Seconds until what runs has probably left so many tokens more; Infinity where nothing runs. */
  secondsUntilFree(tokens: number): number {
    const { running, remaining, step, held } = this;
    if (running === 0 || held === 0) return Number.POSITIVE_INFINITY;
    const residual = (remaining / running) * (step.a + step.s * running);
    return (tokens / held) * residual;
  }

  /** KV that is reserved, each prefix once, tokens. */
  get held(): number {
    return Math.max(0, this.reserved - this.shared.tokens);
  }

  take(attempt: Attempt, outlook: Outlook): void {
    this.running++;
    this.context += attempt.contextTokens;
    this.remaining += attempt.growth;
    attempt.kvRow = this.profile.add(outlook);
    this.reserved = this.profile.peakTokens;
  }

  drop(attempt: Attempt): void {
    this.running--;
    this.context -= attempt.contextTokens;
    this.remaining -= attempt.growth;
    this.profile.remove(attempt.kvRow);
    this.reserved = this.profile.peakTokens;
  }

  /** It has made more, of which nothing else follows. */
  made(attempt: Attempt, outputTokens: number): void {
    const more = outputTokens - attempt.outputTokens;
    this.filled += more;
    this.context += more;
    attempt.outputTokens = outputTokens;
  }

  /** It has come to what the outlook says, and is expected to go on like that. */
  regrow(attempt: Attempt, outlook: Outlook): void {
    this.made(attempt, outlook.outputTokens);
    this.remaining += outlook.growth - attempt.growth;
    attempt.growth = outlook.growth;
    this.profile.replace(attempt.kvRow, outlook);
    this.reserved = this.profile.peakTokens;
  }

  /** Until it has its own rates. */
  expect(peer: MeasuredRates): void {
    this.step = peer.step;
    this.prefillTokensPerSecond = peer.prefillTokensPerSecond;
  }

  /** Values that no engine can mean are left out one by one; the rest counts. */
  observe(telemetry: Telemetry, options: SchedulerOptions): void {
    const { step, prefillTokensPerSecond: rate, kvUsedTokens } = telemetry;
    if (isStep(step)) {
      this.step = { a: step.a, s: step.s };
      this.measured = true;
    }
    if (isPrefillRate(rate)) this.prefillTokensPerSecond = rate;
    // An idle engine's used KV is cache that it gives up on demand.
    const idle = this.running === 0 && telemetry.running === 0 && telemetry.waiting === 0;
    if (idle) this.foreign = 0;
    else if (isCount(kvUsedTokens)) {
      // More than all there is only where two marks are one by chance: it says nothing then.
      const once = Math.max(0, this.context - this.shared.tokens);
      const ours = once + this.running * options.progressSlackTokens;
      this.foreign = Math.min(this.kvTokens, Math.max(0, kvUsedTokens - ours));
    }
  }
}
