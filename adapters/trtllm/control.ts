/**
 * Pausing in place, flushing and weights have no HTTP route in `trtllm-serve`: a trainer that sits on the same GPUs and holds
 * the Python object has them. Memory can be given back, where the server was started for it.
 */
import { PacelineError } from "../../server/contract/errors.ts";
import type { Standstill } from "../completions/standstill.ts";
import type { EngineControl } from "../engine.ts";
import type { Client } from "./client.ts";

/** KV alone: what was proven of weights stays proven. */
const TAGS = { tags: ["kv_cache"] };

/** `slept` is told what was brought about. */
export function createControl(
  client: Client,
  standstill: Standstill,
  slept: (asleep: boolean) => void,
): EngineControl {
  return {
    async pause(mode) {
      standstill.pause(mode, "TensorRT-LLM");
    },
    async resume() {
      standstill.resume();
    },
    async flush() {
      throw new PacelineError(
        "unsupported",
        "TensorRT-LLM has no call to flush its cache by HTTP",
        {
          details: { engine: "trtllm", call: "flush" },
        },
      );
    },
    async sleep(signal) {
      await client.control("/release_memory", TAGS, signal);
      slept(true);
    },
    async wake(signal) {
      await client.control("/resume_memory", TAGS, signal);
      slept(false);
    },
  };
}
