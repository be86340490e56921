/**
 * The workers behind a frontend that take part in RL, from `GET /v1/rl/workers` on a port of its own (`DYN_ENABLE_RL`,
 * protocol 1). It tells neither versions nor load; only vLLM's workers are listed, SGLang's and TensorRT-LLM's not.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { PacelineError } from "../../server/contract/errors.ts";
import type { Calls } from "../http/calls.ts";

const worker = z.looseObject({
  component: z.string(),
  endpoint: z.string(),
  /** 64 bits: JSON's numbers hold no more than 53, which still tells two lives apart. */
  instance_id: z.union([z.number(), z.string()]),
  system_url: z.string().nullish(),
  model: z.string().nullish(),
  routes: z.array(z.unknown()).default([]),
  error: z.unknown().optional(),
});

const listed = z.looseObject({ protocol_version: z.literal(1), workers: z.array(worker) });

export type RlWorker = z.infer<typeof worker>;

/** `calls` are those of the discovery's own address. Throws `engine_error` for another protocol. */
export async function discoverWorkers(
  calls: Calls,
  signal: AbortSignal,
): Promise<readonly RlWorker[]> {
  const parsed = listed.safeParse(
    await calls.json({ method: "GET", path: "/v1/rl/workers" }, signal),
  );
  if (parsed.success) return parsed.data.workers;
  throw new PacelineError("engine_error", "/v1/rl/workers is not of protocol 1", {
    cause: parsed.error,
  });
}

/** Of the set of their lives: another one once a worker has come, gone or been restarted. */
export function incarnationOf(workers: readonly RlWorker[]): string {
  const ids = workers.map((one) => `${one.component}/${one.endpoint}/${one.instance_id}`);
  return `dynamo-${createHash("sha256").update(ids.sort().join("\n")).digest("hex").slice(0, 32)}`;
}
