/** From a kind of engine to its adapter. Data only: a new engine is one line here. */
import type { EngineKind } from "../server/contract/worker.ts";
import { createDynamoEngine } from "./dynamo/engine.ts";
import { createEmbeddedEngine } from "./embedded/engine.ts";
import type { Engine, EngineOptions } from "./engine.ts";
import { createSglangEngine } from "./sglang/engine.ts";
import { createSimulatedEngine } from "./simulated/engine.ts";
import { createTrtllmEngine } from "./trtllm/engine.ts";
import { createVllmEngine } from "./vllm/engine.ts";

const FACTORIES: Readonly<Record<EngineKind, (url: string, options: EngineOptions) => Engine>> = {
  embedded: createEmbeddedEngine,
  simulated: createSimulatedEngine,
  vllm: createVllmEngine,
  sglang: createSglangEngine,
  trtllm: createTrtllmEngine,
  dynamo: createDynamoEngine,
};

/** Opens no socket yet. */
export function createEngine(kind: EngineKind, url: string, options: EngineOptions = {}): Engine {
  return FACTORIES[kind](url, options);
}
