/**
 * Where SGLang publishes its cache events: `kv_events` of `GET /server_info`, one port a rank from a base on (as smg and
 * Dynamo's SGLang discovery read it). It tells of no replay endpoint.
 */
import { z } from "zod";
import { PacelineError } from "../../server/contract/errors.ts";
import { LIMITS } from "../../server/limits.ts";
import type { KvEventSource } from "../kv-events/follow.ts";
import type { Client } from "./client.ts";

const port = z.int().min(1).max(65_535);

const info = z.looseObject({
  kv_events: z
    .looseObject({
      publisher: z.string(),
      endpoint_host: z.string().default("*"),
      endpoint_port_base: port,
      topic: z.string().default(""),
      dp_size: z.int().min(1).max(LIMITS.engineSlots).default(1),
      replay_endpoint: z.string().nullish(),
    })
    .nullish(),
});

export async function cacheSources(
  { calls }: Pick<Client, "calls">,
  signal: AbortSignal,
): Promise<readonly KvEventSource[]> {
  return parseSources(await calls.json({ method: "GET", path: "/server_info" }, signal));
}

/** None where the server publishes nothing. Throws `engine_error`. */
export function parseSources(json: unknown): readonly KvEventSource[] {
  const parsed = info.safeParse(json);
  if (!parsed.success) {
    throw new PacelineError("engine_error", "kv_events of /server_info is not of its form", {
      cause: parsed.error,
    });
  }
  const { kv_events: events } = parsed.data;
  if (events?.publisher !== "zmq") return [];
  const { endpoint_host: host, endpoint_port_base: base, topic, dp_size: ranks } = events;
  return Array.from({ length: ranks }, (_, rank) => ({
    rank,
    endpoint: `tcp://${host}:${base + rank}`,
    replayEndpoint: events.replay_endpoint ?? null,
    topic,
  }));
}
