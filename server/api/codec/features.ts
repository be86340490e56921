/**
 * `required_features`: gRPC drops fields that a server does not know, so a client names those that must
 * count. A feature is the path of a field of the Rollout, such as `sampling.min_p` or `cache.reuse`.
 */
import { z } from "zod";
import { PacelineError } from "../../contract/errors.ts";
import { createRolloutSchema } from "../../contract/schema-rollout.ts";
import { LIMITS } from "../../limits.ts";

export const FEATURES: ReadonlySet<string> = new Set(
  fieldPaths(createRolloutSchema("json", LIMITS)),
);

/** Throws `unsupported`, naming the first feature that this server does not know. */
export function assertFeatures(required: readonly string[]): void {
  const unknown = required.find((feature) => !FEATURES.has(feature));
  if (unknown === undefined) return;
  throw new PacelineError("unsupported", `required_features: "${unknown}" is not known here`, {
    details: { path: "required_features", feature: unknown },
  });
}

function fieldPaths(schema: z.ZodType, prefix = ""): string[] {
  const inner = unwrapped(schema);
  if (!(inner instanceof z.ZodObject)) return [];
  return Object.entries(inner.shape).flatMap(([name, field]) => {
    const path = prefix + name;
    return [path, ...(field instanceof z.ZodType ? fieldPaths(field, `${path}.`) : [])];
  });
}

function unwrapped(schema: z.ZodType): unknown {
  let inner: unknown = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodNullable) inner = inner.unwrap();
  return inner;
}
