/** Pausing, flushing and sleeping by SGLang's own calls. */
import { PacelineError } from "../../server/contract/errors.ts";
import type { EngineControl } from "../engine.ts";
import type { Client } from "./client.ts";
import type { EngineState } from "./facts.ts";

/** `in_place` keeps KV and requests as they are; `retract` frees KV and puts what ran back into the queue. */
const MODES = { keep: "in_place", retract: "retract", abort: "abort" } as const;

/** What the memory saver may give back: the weights would come back empty. */
const KV_ONLY = { tags: ["kv_cache"] };

export function createControl({ calls }: Client, state: EngineState): EngineControl {
  const post = (path: string, body: unknown, signal: AbortSignal): Promise<string> =>
    calls.text({ method: "POST", path, body }, signal);

  async function pause(mode: keyof typeof MODES, signal: AbortSignal): Promise<void> {
    // While it stands still it ends nothing: `abort` would wait for requests that cannot go (seen on 0.5.23).
    if (mode === "abort" && state.paused) await resume(signal);
    turned(true);
    await post("/pause_generation", { mode: MODES[mode] }, signal);
    // It answers before its scheduler has heard of it; this goes through the scheduler and comes after.
    await calls.text({ method: "GET", path: "/server_info" }, signal);
    turned(true);
  }

  async function resume(signal: AbortSignal): Promise<void> {
    turned(state.paused);
    await post("/continue_generation", {}, signal);
    turned(false);
  }

  /** Before a call and after it: no look that began before either is believed. */
  function turned(paused: boolean): void {
    state.paused = paused;
    state.turns++;
  }

  return {
    pause,
    resume,
    /** Refused (`engine_error`) while something runs or waits there. */
    async flush(signal) {
      try {
        await post("/flush_cache", undefined, signal);
      } catch (thrown) {
        const { code, message } = PacelineError.from(thrown);
        if (code !== "invalid_argument") throw thrown;
        throw new PacelineError(
          "engine_error",
          `SGLang flushes only while nothing runs: ${message}`,
        );
      }
    },
    async sleep(signal) {
      assertSaver(state);
      await pause("abort", signal);
      await post("/release_memory_occupation", KV_ONLY, signal);
      state.asleep = true;
    },
    async wake(signal) {
      assertSaver(state);
      await post("/resume_memory_occupation", KV_ONLY, signal);
      state.asleep = false;
      await resume(signal);
    },
  };
}

/** Without the memory saver the call ends the whole server (seen on 0.5.23). */
function assertSaver({ facts }: EngineState): void {
  if (facts?.memorySaver === true) return;
  throw new PacelineError("unsupported", "the engine was started without --enable-memory-saver");
}
