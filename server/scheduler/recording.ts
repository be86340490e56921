/** Inputs of a live scheduler, kept in a bounded ring, and their replay: same inputs and seed, same commands. */
import type { Clock, Random } from "../contract/clock.ts";
import { createDiscipline } from "./disciplines/disciplines.ts";
import type { DisciplineName } from "./disciplines/names.ts";
import type { Scheduler, SchedulerCommand, SchedulerEvent } from "./events.ts";
import type { SchedulerOptions } from "./options.ts";

export interface RecordedInput {
  /** Clock time, ms. */
  readonly at: number;
  readonly event: SchedulerEvent;
}

/** Plain data: can be written as JSON. */
export interface Recording {
  readonly scheduler: DisciplineName;
  /** Of the random source that the scheduler was given. */
  readonly seed: number;
  readonly options: Partial<SchedulerOptions>;
  /** Oldest first. */
  readonly inputs: readonly RecordedInput[];
  /** Inputs that no longer fitted the ring; a replay is exact only where this is 0. */
  readonly dropped: number;
}

export interface RecordedScheduler extends Scheduler {
  recording(): Recording;
}

/** `limit`: inputs kept; an event is plain data of about 100 B to 1 KB. */
export function recordScheduler(
  name: DisciplineName,
  clock: Pick<Clock, "now">,
  seed: number,
  seededRandom: (seed: number) => Random,
  options: Partial<SchedulerOptions>,
  limit: number,
): RecordedScheduler {
  let at = 0;
  // One reading serves both the scheduler and the record, or a replay could differ by a microsecond.
  const scheduler = createDiscipline(name, { now: () => at }, seededRandom(seed), options);
  const ring: RecordedInput[] = [];
  let next = 0;
  let count = 0;
  return {
    handle(event) {
      at = clock.now();
      ring[next] = { at, event };
      next = (next + 1) % limit;
      count++;
      return scheduler.handle(event);
    },
    snapshot: () => scheduler.snapshot(),
    recording() {
      const inputs = count > limit ? [...ring.slice(next), ...ring.slice(0, next)] : [...ring];
      return { scheduler: name, seed, options, inputs, dropped: count - inputs.length };
    },
  };
}

/** The commands that each input gives, in order. */
export function replay(
  recording: Recording,
  seededRandom: (seed: number) => Random,
): SchedulerCommand[][] {
  let at = 0;
  const random = seededRandom(recording.seed);
  const scheduler = createDiscipline(
    recording.scheduler,
    { now: () => at },
    random,
    recording.options,
  );
  return recording.inputs.map((input) => {
    at = input.at;
    return scheduler.handle(input.event);
  });
}
