/** Where vLLM publishes its cache events: `GET /kv_event_sources`. */
import { z } from "zod";
import { PacelineError } from "../../server/contract/errors.ts";
import type { KvEventSource } from "../kv-events/follow.ts";
import type { Client } from "./client.ts";

/** By rank. */
const source = z.looseObject({
  publisher: z.literal("zmq"),
  endpoint: z.string(),
  replay_endpoint: z.string().nullish(),
  topic: z.string().default(""),
});
const sources = z.record(z.string(), source);

/** None where the server publishes nothing, or is older than the route. */
export async function cacheSources(
  client: Pick<Client, "call">,
  signal: AbortSignal,
): Promise<readonly KvEventSource[]> {
  try {
    return parseSources(await client.call({ method: "GET", path: "/kv_event_sources" }, signal));
  } catch (thrown) {
    const error = PacelineError.from(thrown);
    if (error.details["status"] === 404) return [];
    throw error;
  }
}

export function parseSources(json: unknown): readonly KvEventSource[] {
  const parsed = sources.safeParse(json);
  if (!parsed.success) {
    throw new PacelineError("engine_error", "/kv_event_sources is not of its form", {
      cause: parsed.error,
    });
  }
  return Object.entries(parsed.data).map(
    ([rank, { endpoint, replay_endpoint: replay, topic }]) => ({
      rank: Number(rank),
      endpoint,
      replayEndpoint: replay ?? null,
      topic,
    }),
  );
}
