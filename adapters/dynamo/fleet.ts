/**
 * The lives of the workers behind a frontend, from its `/health`: each has an id of 64 bits that is fresh when its process
 * starts. (`/v1/rl/workers`, for control, lists vLLM's alone, and only those started for it.)
 *
 *     {"status": "healthy", "instances": [{"namespace", "component", "endpoint": "generate", "instance_id"}, …]}
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { PacelineError } from "../../server/contract/errors.ts";

const health = z.looseObject({
  instances: z.array(z.looseObject({ endpoint: z.string(), instance_id: z.string() })),
});

/** Those that generate, in order. Throws `engine_error` for another server's health. */
export function workersOf(text: string): readonly string[] {
  let body: unknown = null;
  try {
    body = JSON.parse(text, digitsOfIds);
  } catch {
    // Another server's: told below.
  }
  const parsed = health.safeParse(body);
  if (!parsed.success) {
    throw new PacelineError("engine_error", "/health is not a Dynamo frontend's", {
      cause: parsed.error,
    });
  }
  return parsed.data.instances
    .flatMap(({ endpoint, instance_id: id }) => (endpoint === "generate" ? [id] : []))
    .sort();
}

/** Of the set of their lives: another one once a worker has come, gone or been restarted. */
export const incarnationOf = (workers: readonly string[]): string =>
  `dynamo-${createHash("sha256").update(workers.join("\n")).digest("hex").slice(0, 32)}`;

/** As they are written: no double holds them. ES2026, whose third argument TypeScript's library does not know yet. */
export function digitsOfIds(key: string, value: unknown, ...[context]: unknown[]): unknown {
  if (key !== "instance_id") return value;
  return (context as { source?: string } | undefined)?.source ?? value;
}
