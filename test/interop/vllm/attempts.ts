/** Attempts on a real vLLM, which takes its time where everybody else does too. */
import assert from "node:assert/strict";
import type { Engine } from "../../../adapters/engine.ts";
import { Attempt, type Outcome, type Wish } from "../../conformance/engines/attempt.ts";

export const longDeadline = (): AbortSignal => AbortSignal.timeout(120_000);

export async function install(engine: Engine, version: number, path: string): Promise<void> {
  const { weights } = engine;
  assert.ok(weights);
  const policy = "default";
  await weights.stage({ policy, version, path }, longDeadline());
  await weights.swap({ policy, version, kv: "drop" }, longDeadline());
}

/** Throws what the engine throws; no deadline but ours. */
export async function generated(engine: Engine, wish: Wish): Promise<Outcome> {
  const outcome = await new Attempt(engine, wish, longDeadline()).outcome;
  if (outcome.error !== null) throw outcome.error;
  return outcome;
}
