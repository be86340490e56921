/**
 * What the index's search costs in quality and time against a full scan of all slots, on states that
 * the scheduler itself came through: every decision of a run at changing load is looked at twice.
 */
import { performance } from "node:perf_hooks";
import { Affinity } from "../../server/scheduler/affinity.ts";
import { Attempt } from "../../server/scheduler/attempts.ts";
import { Buffer } from "../../server/scheduler/buffer.ts";
import { Census } from "../../server/scheduler/census.ts";
import { Dispatcher } from "../../server/scheduler/dispatcher.ts";
import { Jobs } from "../../server/scheduler/fairness.ts";
import { Forecast } from "../../server/scheduler/forecast.ts";
import { Gaps } from "../../server/scheduler/gaps.ts";
import { Groups } from "../../server/scheduler/groups.ts";
import { Matching } from "../../server/scheduler/matching.ts";
import { DEFAULT_OPTIONS } from "../../server/scheduler/options.ts";
import { Order } from "../../server/scheduler/order.ts";
import { type Applicant, type Place, Placer } from "../../server/scheduler/placer.ts";
import { Predictor } from "../../server/scheduler/prediction/predictor.ts";
import { Residents } from "../../server/scheduler/residents.ts";
import { Roster } from "../../server/scheduler/roster.ts";
import { Segments } from "../../server/scheduler/segments.ts";
import { cardSource, fleetEvents, seededRandom } from "./workload.ts";

export interface Regret {
  readonly workers: number;
  readonly states: number;
  /** Σ cost over Σ least cost, less one. */
  readonly mean: number;
  readonly p99: number;
  readonly worst: number;
  /** Share of states in which exactly the least cost was found. */
  readonly exact: number;
  /** Mean time of one placement by the index, and of one full scan. */
  readonly indexMicros: number;
  readonly scanMicros: number;
}

/** Scans every slot after each search, by the same costs and the same predicted cache. */
class AuditedPlacer extends Placer {
  readonly regrets: number[] = [];
  cost = 0;
  least = 0;
  indexMs = 0;
  scanMs = 0;
  readonly #affinity: Affinity;

  constructor(affinity: Affinity, residents: Residents, random: ReturnType<typeof seededRandom>) {
    super(affinity, residents, random, DEFAULT_OPTIONS);
    this.#affinity = affinity;
  }

  override place(applicant: Applicant, now: number): Place | null {
    const start = performance.now();
    const place = super.place(applicant, now);
    const searched = performance.now();
    if (place === null) return null;
    const least = this.#scan(applicant, now);
    this.scanMs += performance.now() - searched;
    this.indexMs += searched - start;
    this.cost += place.seconds;
    this.least += least;
    this.regrets.push(place.seconds / least - 1);
    return place;
  }

  #scan({ card, marks, class: cls, outlook }: Applicant, now: number): number {
    const { growth, peakTokens } = outlook;
    const contextTokens = card.promptTokens + card.outputTokens;
    const nowSeconds = now / 1_000;
    const ask = { contextTokens, prefillTokens: contextTokens, newTokens: growth, nowSeconds };
    const cached = new Map(
      this.#affinity.hints(card, marks, now).map((hint) => [hint.slot, hint.cachedTokens]),
    );
    let least = Number.POSITIVE_INFINITY;
    for (const kind of cls.kinds.keys()) {
      for (const { slots } of kind.workers) {
        for (const slot of slots) {
          if (slot.room(null) < Math.min(peakTokens, slot.usable)) continue;
          least = Math.min(least, this.price(ask, slot, cached.get(slot) ?? 0));
        }
      }
    }
    return least;
  }
}

/** Load swings between a tenth of the fleet's room and all of it. */
export function measureRegret(workers: number, states: number): Regret {
  const random = seededRandom(workers);
  const predictor = new Predictor(DEFAULT_OPTIONS);
  const census = new Census(new Groups((card) => predictor.siblings(card)));
  const segments = new Segments(DEFAULT_OPTIONS);
  const forecast = new Forecast(predictor, segments, DEFAULT_OPTIONS);
  const residents = new Residents(new Gaps(DEFAULT_OPTIONS), DEFAULT_OPTIONS);
  const order = new Order(predictor, segments, residents, DEFAULT_OPTIONS);
  const buffer = new Buffer(order, forecast, DEFAULT_OPTIONS);
  const matching = new Matching(buffer);
  const roster = new Roster(DEFAULT_OPTIONS, matching);
  const affinity = new Affinity(DEFAULT_OPTIONS);
  const placer = new AuditedPlacer(affinity, residents, random);
  const emit = (): void => {};
  const options = DEFAULT_OPTIONS;
  const books = { census, buffer, matching, placer, affinity, residents };
  const dispatcher = new Dispatcher({
    ...books,
    order,
    predictor,
    segments,
    forecast,
    options,
    emit,
  });
  const jobs = new Jobs(options.idleJobLimit);
  for (const event of fleetEvents(workers, 256, random)) {
    if (event.type === "committed") matching.committed(event.policy, event.version);
    else if (event.type === "worker") roster.join(event.worker);
    else if (event.type === "telemetry") {
      const slot = roster.workers.get(event.worker)?.slots[0];
      slot?.observe(event, options);
      if (slot !== undefined) dispatcher.opened(slot);
    }
  }
  const next = cardSource(random, { sessions: false, hinted: true });
  const keys: string[] = [];
  // About 50 rollouts fill a slot.
  const full = workers * 50;
  for (let now = 0; placer.regrets.length < states; now += 2) {
    const swing = 0.55 + 0.5 * Math.sin((placer.regrets.length / states) * 12 * Math.PI);
    if (census.running < full * swing && census.waiting === 0) {
      const card = next();
      const cls = buffer.class(card, matching.classAdded);
      dispatcher.admit(card, cls, jobs.get(card.job), now);
      keys.push(card.key);
    } else {
      const at = random.u32() % keys.length;
      const attempt = census.get(keys[at] ?? "");
      keys[at] = keys[keys.length - 1] ?? "";
      keys.pop();
      if (attempt instanceof Attempt) dispatcher.release(attempt, now);
      dispatcher.run(now);
    }
  }
  const { regrets } = placer;
  regrets.sort((a, b) => a - b);
  return {
    workers,
    states: regrets.length,
    mean: placer.cost / placer.least - 1,
    p99: regrets[Math.floor(regrets.length * 0.99)] ?? Number.NaN,
    worst: regrets[regrets.length - 1] ?? Number.NaN,
    exact: regrets.filter((regret) => regret <= 1e-12).length / regrets.length,
    indexMicros: (placer.indexMs * 1_000) / regrets.length,
    scanMicros: (placer.scanMs * 1_000) / regrets.length,
  };
}
