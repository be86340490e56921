/** Pause, cache and sleep of a server in development mode (`VLLM_SERVER_DEV_MODE=1`); all arguments are in the query. */
import { PacelineError } from "../../server/contract/errors.ts";
import type { EngineControl } from "../engine.ts";
import type { Client } from "./client.ts";
import type { Preemptions } from "./preemptions.ts";

/** `clear_cache` is true where it is left out: then a frozen request is computed anew under what is there at the resume. */
const PAUSE = {
  keep: "mode=keep&clear_cache=false",
  retract: "mode=keep&clear_cache=true",
  abort: "mode=abort&clear_cache=false",
} as const;

export function createControl(client: Client, preemptions: Preemptions): EngineControl {
  const post = async (path: string, signal: AbortSignal): Promise<void> => {
    await client.call({ method: "POST", path, repeatable: true }, signal);
  };
  return {
    async pause(mode, signal) {
      await preemptions.pausing(signal);
      await post(`/pause?${PAUSE[mode]}`, signal);
      if (mode === "retract") preemptions.dropped();
    },
    async resume(signal) {
      await post("/resume", signal);
      preemptions.resumed();
    },
    flush: (signal) => resetPrefixCache(client, "flush", signal),
    // Level 2 would throw the weights away, and with them what was proven.
    sleep: (signal) => post("/sleep?level=1&mode=abort", signal),
    async wake(signal) {
      await post("/wake_up", signal);
      preemptions.resumed();
    },
  };
}

/** `drop` computes anew what runs; `flush` throws `engine_error` while a request, frozen or not, holds blocks. */
export async function resetPrefixCache(
  client: Client,
  what: "flush" | "drop",
  signal: AbortSignal,
): Promise<void> {
  const query = what === "drop" ? "?reset_running_requests=true" : "";
  const path = `/reset_prefix_cache${query}`;
  const answer = await client.call({ method: "POST", path, repeatable: true }, signal);
  // Refused with a 200. Older servers answer nothing at all, which is no yes.
  if ((answer as { success?: unknown } | null)?.success === true) return;
  throw new PacelineError(
    "engine_error",
    "vLLM keeps its prefix cache: a request holds blocks of it",
    {
      details: { answer },
    },
  );
}
