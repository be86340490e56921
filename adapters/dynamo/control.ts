/**
 * Control of Dynamo's workers: the frontend has no call for any of it. Where discovery lists every one of them they are paused,
 * resumed, flushed and updated together, each by its own calls; else its requests can only be ended, by us.
 */
import { PacelineError } from "../../server/contract/errors.ts";
import type { Standstill } from "../completions/standstill.ts";
import type { EngineControl } from "../engine.ts";
import type { RlWorkers } from "./rl-workers.ts";

export interface DynamoControl extends EngineControl {
  /** By a call of ours that has not been undone. */
  readonly frozen: boolean;
  /** Another fleet is there: nothing of ours stands still in it. */
  reborn(): void;
}

const never = new AbortController().signal;

/** `workers`: null where they cannot be controlled. */
export function createControl(
  standstill: Standstill,
  workers: () => RlWorkers | null,
): DynamoControl {
  let frozen = false;

  async function freeze(
    able: RlWorkers,
    mode: "keep" | "abort",
    signal: AbortSignal,
  ): Promise<void> {
    try {
      // Cleared, what is frozen would be computed anew under whatever is there at the resume.
      await able.all("pause_generation", { mode, clear_cache: false }, signal);
    } catch (thrown) {
      // Some may stand still by now: all go on, or whoever asks next is told.
      await able.all("resume_generation", {}, never).catch((also: unknown) => {
        throw new PacelineError("engine_error", PacelineError.from(thrown).message, {
          details: { undone: false, reason: PacelineError.from(also).message },
          cause: thrown,
        });
      });
      throw thrown;
    }
    frozen = true;
  }

  return {
    get frozen() {
      return frozen;
    },
    reborn() {
      frozen = false;
    },
    async pause(mode, signal) {
      const able = workers();
      if (mode === "retract" || able === null) standstill.pause(mode, "Dynamo's frontend");
      else await freeze(able, mode, signal);
    },
    async resume(signal) {
      if (frozen) await workers()?.all("resume_generation", {}, signal);
      frozen = false;
      standstill.resume();
    },
    async flush(signal) {
      const able = workers();
      if (able === null) throw refused("flush");
      await able.all("flush_cache", {}, signal);
    },
    async sleep() {
      throw refused("put to sleep");
    },
    async wake() {
      throw refused("wake");
    },
  };
}

const refused = (what: string): PacelineError =>
  new PacelineError(
    "unsupported",
    `Dynamo has no call to ${what} its workers that all of them take`,
    {
      details: { engine: "dynamo", call: what },
    },
  );
