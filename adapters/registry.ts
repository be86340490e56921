/** From a kind of engine to its adapter. Data only: a new engine is one line here. */
import { PacelineError } from "../server/contract/errors.ts";
import type { EngineKind } from "../server/contract/worker.ts";
import { createDynamoEngine } from "./dynamo/engine.ts";
import { createEmbeddedEngine } from "./embedded/engine.ts";
import type { Engine, EngineOptions } from "./engine.ts";
import { createSimulatedEngine } from "./simulated/engine.ts";
import { createTrtllmEngine } from "./trtllm/engine.ts";
import { createVllmEngine } from "./vllm/engine.ts";

const FACTORIES: Readonly<
  Record<EngineKind, ((url: string, options: EngineOptions) => Engine) | null>
> = {
  embedded: createEmbeddedEngine,
  simulated: createSimulatedEngine,
  vllm: createVllmEngine,
  sglang: null,
  trtllm: createTrtllmEngine,
  dynamo: createDynamoEngine,
};

/** Opens no socket yet. Throws `unsupported` for a kind without an adapter. */
export function createEngine(kind: EngineKind, url: string, options: EngineOptions = {}): Engine {
  const factory = FACTORIES[kind];
  if (factory === null) {
    throw new PacelineError("unsupported", `there is no adapter for ${kind} yet`, {
      details: { engine: kind },
    });
  }
  return factory(url, options);
}
