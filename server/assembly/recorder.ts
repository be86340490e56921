/** The live scheduler, with its inputs kept in a bounded ring and written as JSON when the server stops. */
import { writeFile } from "node:fs/promises";
import type { Clock, Random } from "../contract/clock.ts";
import { LIMITS } from "../limits.ts";
import { createDiscipline } from "../scheduler/disciplines/disciplines.ts";
import type { DisciplineName } from "../scheduler/disciplines/names.ts";
import type { Scheduler } from "../scheduler/events.ts";
import { recordScheduler } from "../scheduler/recording.ts";
import { seededRandom } from "../seeded-random.ts";

export interface LiveScheduler {
  readonly scheduler: Scheduler;
  /** Writes what was recorded, if anything is. Replay it with `tools/replay-scheduler.ts`. */
  save(): Promise<void>;
}

/** `file` empty: nothing is recorded. */
export function createLiveScheduler(
  name: DisciplineName,
  clock: Clock,
  random: Random,
  file: string,
): LiveScheduler {
  const options = { waitingLimit: LIMITS.waitingRollouts };
  if (file === "")
    return {
      scheduler: createDiscipline(name, clock, random, options),
      save: async () => undefined,
    };
  const recorded = recordScheduler(
    name,
    clock,
    random.u32(),
    seededRandom,
    options,
    LIMITS.recordedInputs,
  );
  return { scheduler: recorded, save: () => writeFile(file, JSON.stringify(recorded.recording())) };
}
