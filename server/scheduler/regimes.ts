/**
 * Which regime the fleet is in, looked at anew every so often, with hysteresis:
 *
 *   equal progress   where what is cut comes back cheaply: nothing need be known of lengths, and the longest run from the
 *                    first moment on. Also where ρ is high: it never came out behind (`bench/simulator`). Where it must be
 *                    computed again, in long turns, if those pay (`turns.ts`) and predictions do not hold, or nothing is known yet
 *   tail isolation   else, where the longest rollout alone takes about as long as all work together and predictions hold:
 *                    what counts then is that the longest are known and not slowed down
 *   in order         else
 *
 * ρ = what the longest still takes alone / what all that is left takes the whole fleet, from forecasts.
 * The price of resuming is what the KV of a mean context takes to come back, against the time of the segment that it buys.
 */
import type { Regime, RegimeView } from "./events.ts";
import type { Job } from "./fairness.ts";
import type { SchedulerOptions } from "./options.ts";
import type { Order } from "./order.ts";
import { type LogLength, logUpper, meanLength } from "./prediction/normal.ts";
import type { Predictor } from "./prediction/predictor.ts";
import type { Roster } from "./roster.ts";
import type { Segments } from "./segments.ts";
import type { Slot } from "./slots.ts";
import { type Prospect, turnsPay } from "./turns.ts";

export interface RegimesParts {
  readonly roster: Roster;
  readonly jobs: { all(): Iterable<Job> };
  readonly predictor: Predictor;
  readonly segments: Segments;
  readonly order: Order;
  readonly options: SchedulerOptions;
}

/** The fleet's open slots in sum. */
interface Capacity {
  readonly slots: readonly Slot[];
  readonly running: number;
  readonly contextTokens: number;
  readonly kvTokens: number;
  /** Of these, where what is cut can rest and rightly go on. */
  readonly keptTokens: number;
  /** Of the largest tier beside a slot. */
  readonly tierTokens: number;
  /** KV that comes back, tokens/s: of the slowest worker that keeps any; NaN without one. */
  readonly tierRate: number;
}

/** Steps of expectation maximisation at a look, where it goes on from the last one's, and where much is new. */
const WEIGH_STEPS = 2;
const WEIGH_ANEW_STEPS = 8;

const UNKNOWN = "nothing is known of lengths yet";

export class Regimes {
  readonly #parts: RegimesParts;
  /** Clock time of the next look, ms. */
  #next = 0;
  #changedAt = Number.NEGATIVE_INFINITY;
  #view: RegimeView;

  constructor(parts: RegimesParts) {
    this.#parts = parts;
    const { regime } = parts.order;
    this.#view = {
      regime,
      rho: 0,
      sigmaErr: Number.NaN,
      coverage: Number.NaN,
      resumeSeconds: 0,
      reason: UNKNOWN,
    };
  }

  get view(): RegimeView {
    return this.#view;
  }

  /** The fleet is another: the next look is due. */
  stale(): void {
    this.#next = 0;
  }

  due(now: number): boolean {
    return now >= this.#next;
  }

  /** Answers whether who waits must be ordered anew; `changed` hears of another regime. */
  look(now: number, changed: (view: RegimeView) => void): boolean {
    const { options, order, segments, predictor } = this.#parts;
    this.#next = now + options.regimeSeconds * 1_000;
    const capacity = capacityOf(this.#parts.roster);
    this.#weigh(WEIGH_STEPS, null);
    segments.tierTokens = capacity.tierTokens;
    const { sigmaErr, coverage } = predictor.calibration;
    const prospect = this.#prospect(capacity);
    const rho = prospect?.rho ?? 0;
    const [cheap, resumeSeconds] = this.#price(capacity);
    const [regime, reason] = this.#choose(cheap, prospect, capacity);
    const before = this.#view.regime;
    const settled = now - this.#changedAt >= options.regimeDwellSeconds * 1_000;
    // What was chosen for want of knowledge is told once there is a reason for it.
    const found = this.#view.reason === UNKNOWN && reason !== UNKNOWN;
    const change = (regime !== before || found) && settled;
    this.#view = { ...this.#view, rho, sigmaErr, coverage, resumeSeconds };
    if (change) {
      this.#view = { ...this.#view, regime, reason };
      this.#changedAt = now;
      order.regime = regime;
    }
    segments.quantum = order.regime === "equal_progress" ? options.segmentTokens : null;
    segments.computed = !cheap;
    if (change) changed(this.#view);
    const trusted = predictor.trusted !== order.trusted;
    order.trusted = predictor.trusted;
    return change || (trusted && order.regime !== "equal_progress");
  }

  /** The first lengths of a job, or as many again as it had, are known: what runs must be weighed against them. */
  weigh(job: Job): void {
    this.#weigh(WEIGH_ANEW_STEPS, job);
  }

  /** `only`: of this job; null: of all. */
  #weigh(steps: number, only: Job | null): void {
    const { options, roster } = this.#parts;
    const made = new Map<Job, number[]>();
    let left = options.weighedRunning;
    for (const { attempts } of roster.workers.values()) {
      if (left <= 0) break;
      for (const { account, outputTokens } of attempts) {
        if (left-- <= 0) break;
        if (only !== null && account.job !== only) continue;
        const logs = made.get(account.job);
        const log = Math.log(Math.max(1, outputTokens));
        if (logs === undefined) made.set(account.job, [log]);
        else logs.push(log);
      }
    }
    for (const [{ level }, logs] of made) {
      for (let step = 0; step < steps; step++) level.weigh(logs, options);
    }
  }

  #choose(
    cheap: boolean,
    prospect: Prospect | null,
    { slots: [slot] }: Capacity,
  ): [regime: Regime, reason: string] {
    const { options, segments } = this.#parts;
    const { isolateRho, isolateMargin, affinityMoveShare } = options;
    if (cheap) return ["equal_progress", "what is cut comes back cheaply"];
    const isolated = this.#view.regime === "tail_isolation";
    const least = isolated ? isolateRho - isolateMargin : isolateRho;
    const { trusted } = this.#parts.predictor;
    // Turns from the first on: those that began without would keep room that longer ones wait for.
    const known = prospect !== null && prospect.limit > 0;
    if (!trusted && !known) return ["equal_progress", UNKNOWN];
    if (!trusted && prospect !== null && slot !== undefined) {
      const turn = segments.turnOf(prospect.limit);
      if (turnsPay(prospect, slot, turn, affinityMoveShare)) {
        return [
          "equal_progress",
          "resuming is dear, but not as dear as the longest that begin last",
        ];
      }
    }
    if (prospect === null || prospect.rho < least) {
      return ["in_order", "resuming is dear, and work outweighs the longest"];
    }
    if (!trusted) return ["in_order", "resuming is dear, and predictions do not hold"];
    return ["tail_isolation", "the longest outweighs the work, and is foretold"];
  }

  #price({
    running,
    contextTokens,
    kvTokens,
    keptTokens,
    tierRate,
    slots,
  }: Capacity): [cheap: boolean, seconds: number] {
    const { options } = this.#parts;
    const { cheapResumeShare, segmentTokens } = options;
    const context = running === 0 ? options.defaultNewTokens : contextTokens / running;
    const [slot] = slots;
    if (slot === undefined) return [false, 0];
    if (keptTokens < kvTokens / 2) return [false, context / slot.prefillTokensPerSecond];
    const segment = segmentTokens * (slot.step.a + slot.step.s);
    const seconds = context / tierRate;
    return [seconds <= cheapResumeShare * segment, seconds];
  }

  /** Of all that is left, by the lengths of the job with the longest; null where nothing is left. */
  #prospect({ slots }: Capacity): Prospect | null {
    const { jobs, options } = this.#parts;
    let [tokens, longest, unfinished, limit] = [0, 0, 0, 0];
    let lengths: LogLength = { mean: 0, sigma: 0 };
    for (const { level, waiting, running } of jobs.all()) {
      const count = waiting + running;
      if (count === 0) continue;
      const known = level.count >= options.estimateAfter;
      const length = { mean: level.mean, sigma: Math.sqrt(level.variance) };
      const mean = known ? meanLength(length, 0, level.limit) : options.defaultNewTokens;
      const most = known ? Math.exp(logUpper(length, 0, 1 / (count + 1))) : mean;
      const tail = Math.min(most, Math.max(1, level.limit));
      tokens += count * mean;
      unfinished += count;
      if (tail <= longest) continue;
      // A job of which nothing is known yet has no turns.
      [longest, limit, lengths] = [tail, known ? level.limit : 0, length];
    }
    if (unfinished === 0) return null;
    const context = tokens / unfinished / 2;
    let [rate, batches, alone] = [0, 0, Number.POSITIVE_INFINITY];
    for (const { kvTokens, maxRunning, step } of slots) {
      const batch = Math.max(
        1,
        Math.min(maxRunning, kvTokens / context, unfinished / slots.length),
      );
      rate += batch / (step.a + step.s * batch);
      batches += batch;
      alone = Math.min(alone, step.a + step.s);
    }
    const rho = rate === 0 ? 0 : (longest * alone) / (tokens / rate);
    return { length: lengths, longest, limit, batch: batches / Math.max(1, slots.length), rho };
  }
}

function capacityOf({ workers }: Roster): Capacity {
  const slots: Slot[] = [];
  let [running, contextTokens, kvTokens, keptTokens, tierTokens] = [0, 0, 0, 0, 0];
  let tierRate = Number.NaN;
  for (const worker of workers.values()) {
    const tiers = worker.view.tiers ?? null;
    const keeps = tiers !== null && worker.view.capabilities.resume.seeded;
    for (const slot of worker.slots) {
      if (!slot.listed) continue;
      slots.push(slot);
      running += slot.running;
      contextTokens += slot.context;
      kvTokens += slot.kvTokens;
      if (!keeps) continue;
      const { hostTokens, hostTokensPerSecond, poolTokensPerSecond } = tiers;
      const rate = poolTokensPerSecond ?? hostTokensPerSecond;
      keptTokens += slot.kvTokens;
      tierTokens = Math.max(tierTokens, hostTokens);
      tierRate = Number.isNaN(tierRate) ? rate : Math.min(tierRate, rate);
    }
  }
  return {
    slots,
    running,
    contextTokens,
    kvTokens,
    keptTokens,
    tierTokens,
    tierRate,
  };
}
