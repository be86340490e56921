import assert from "node:assert/strict";
import type { DisciplineName } from "../../../server/scheduler/disciplines/names.ts";
import {
  type RecordedScheduler,
  type Recording,
  recordScheduler,
} from "../../../server/scheduler/recording.ts";
import { seededRandom } from "../../../server/seeded-random.ts";
import { type SchedulerFactory, simulate } from "../../../server/simulator/simulate.ts";
import type { Workload } from "../../../server/simulator/workload.ts";

/** What a live server would have recorded of this workload. */
export function recorded(
  given: Workload,
  seconds: { makespan: number },
  name: DisciplineName = "paceline",
): Recording {
  const recorders: RecordedScheduler[] = [];
  const create: SchedulerFactory = (clock) => {
    const recorder = recordScheduler(name, clock, 1, seededRandom, {}, 1_000_000);
    recorders.push(recorder);
    return recorder;
  };
  seconds.makespan = simulate(given, { scheduler: { name: "recorded", create } }).makespanSeconds;
  const [recorder] = recorders;
  assert.ok(recorder);
  return recorder.recording();
}
