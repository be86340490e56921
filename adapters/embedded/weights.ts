import { z } from "zod";
import { PacelineError } from "../../server/contract/errors.ts";
import type { EngineWeights } from "../engine.ts";
import { parseInfo } from "./capabilities.ts";
import type { Client } from "./client.ts";

const digest = z.string().regex(/^[0-9a-f]{64}$/, "not a SHA-256 in hex");
const staged = z.object({ digest });
const swapped = z.object({ digest, load: z.int().min(1) });

export function createWeights(client: Client): EngineWeights {
  async function call<T>(schema: z.ZodType<T>, path: string, body: unknown, signal: AbortSignal) {
    const parsed = schema.safeParse(await client.call("POST", path, body, signal));
    if (parsed.success) return parsed.data;
    throw new PacelineError("engine_error", `${path} answered without a proof`, {
      cause: parsed.error,
    });
  }

  return {
    stage: (source, signal) => call(staged, "/weights/stage", source, signal),
    swap: (target, signal) => call(swapped, "/weights/swap", target, signal),
    async discard(target, signal) {
      await client.call("POST", "/weights/discard", target, signal);
    },
    async held(signal) {
      return parseInfo(await client.call("GET", "/info", undefined, signal)).held;
    },
  };
}
