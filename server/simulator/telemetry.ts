/** What the fleet tells of its workers: a look at each every half second, seen by the scheduler some time later, and at times a lie. */
import type { Random } from "../contract/clock.ts";
import { createRatesFit, type RatesFit } from "../fleet/rates.ts";
import type { SchedulerEvent } from "../scheduler/events.ts";
import { type Agenda, Appointment } from "./agenda.ts";
import type { DriverOptions } from "./options.ts";
import type { SimulatedWorker } from "./worker.ts";

type Telemetry = Extract<SchedulerEvent, { type: "telemetry" }>;

/** What a look is turned into before it is told. */
export type Lie = (seen: Telemetry, random: Random) => Telemetry;

export interface TelemetryParts {
  readonly agenda: Agenda;
  readonly options: DriverOptions;
  readonly random: Random;
  readonly lie: Lie | null;
  readonly send: (event: SchedulerEvent) => void;
}

/** Workers are looked at in turn over the interval; one that hangs or is dead tells nothing. */
export function watchWorkers(workers: readonly SimulatedWorker[], parts: TelemetryParts): void {
  const { agenda, options, random, lie, send } = parts;
  const look = (worker: SimulatedWorker, fit: RatesFit | null): SchedulerEvent[] => {
    const seen = worker.telemetry(fit);
    const place = { worker: worker.spec.id, slot: 0, life: worker.life };
    const changes = worker.cacheChanges.take();
    const cache = options.cacheEvents ? changes : [];
    return [
      lie === null ? seen : lie(seen, random),
      ...cache.map((told): SchedulerEvent => ({ type: "cache", ...place, ...told })),
    ];
  };
  for (const [i, worker] of workers.entries()) {
    const fit = options.fittedRates ? createRatesFit() : null;
    const appointment = new Appointment(() => {
      const told = worker.answers ? look(worker, fit) : [];
      if (told.length > 0) {
        agenda.once(agenda.now + options.telemetryDelaySeconds, () => told.forEach(send));
      }
      agenda.set(appointment, agenda.now + options.telemetrySeconds);
    });
    agenda.set(appointment, (i / workers.length) * options.telemetrySeconds);
  }
}

/** Values that no engine can mean, half of the time. */
export const wildTelemetry: Lie = (seen, random) => {
  if (random.next() < 0.5) return seen;
  const value = (): number => WILD[random.u32() % WILD.length] ?? 0;
  return {
    ...seen,
    kvUsedTokens: value(),
    running: value(),
    waiting: value(),
    step: { a: value(), s: value() },
    prefillTokensPerSecond: value(),
  };
};

const WILD = [-1, 0, Number.NaN, Number.POSITIVE_INFINITY, 1e300, 1e-300, -1e9, 0.5];
