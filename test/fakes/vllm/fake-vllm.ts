/**
 * vLLM's wire on a real socket, with the demo policy's numbers: `POST /inference/v1/generate` and the control routes of
 * a development server (0.32), manners and defects included. Shapes are held against recordings of the real one by
 * `fake-vllm.test.ts`.
 *
 * A `lora_path` names a whole checkpoint that stands in for base and adapter together.
 */
import { type CachePublisher, publishCache } from "../core/cache-publisher.ts";
import { createFakeModel, type FakeModel } from "../core/fake-model.ts";
import { FakeError, type FakeRoute, startFakeServer } from "../core/fake-server.ts";
import { createFaults, type FaultKind, type FaultOptions } from "../core/fault.ts";
import { adapterRoutes } from "./adapters.ts";
import { controlRoutes } from "./control.ts";
import { GENERATE, generateRoute } from "./generate.ts";
import { infoRoutes } from "./info.ts";
import type { FakeVllmOptions, VllmState } from "./state.ts";
import { weightRoutes } from "./weights.ts";

export interface FakeVllm {
  readonly url: string;
  readonly model: FakeModel;
  /** Null where it publishes nothing. */
  readonly cache: CachePublisher | null;
  fault(kind: FaultKind, options?: FaultOptions): void;
  clearFaults(): void;
  exit(): void;
  close(): Promise<void>;
}

let started = 0;

export async function startFakeVllm(options: FakeVllmOptions = {}): Promise<FakeVllm> {
  const model = createFakeModel(options);
  const faults = createFaults();
  const cache = options.kvEvents ? await publishCache(model) : null;
  const state: VllmState = {
    model,
    options: {
      served: options.served ?? "tiny",
      logprobsMode: options.logprobsMode ?? "processed_logprobs",
      samplingMask: options.samplingMask ?? false,
      experts: options.experts ?? null,
      priorities: options.priorities ?? false,
      promptTokensDetails: options.promptTokensDetails ?? true,
      sleepMode: options.sleepMode ?? true,
      maxLoras: options.maxLoras ?? 0,
      maxCpuLoras: options.maxCpuLoras ?? null,
      lateLoras: options.lateLoras ?? false,
      devMode: options.devMode ?? true,
      kvEvents: options.kvEvents ?? false,
    },
    cache,
    broken: false,
    asleep: null,
    transfer: "none",
    lateLoras: new Set(),
    finished: new Map(),
    startedAt: 1_795_558_080 + ++started,
    exit: () => server.exit(),
  };
  const routes: Record<string, FakeRoute> = {
    [GENERATE]: generateRoute(state),
    ...infoRoutes(state, () => Object.keys(routes)),
    ...adapterRoutes(state),
    ...(state.options.devMode ? { ...controlRoutes(state), ...weightRoutes(state) } : {}),
  };
  const server = await startFakeServer(
    { routes, generates: [GENERATE], errorOf },
    faults,
    () => {
      cache?.close();
      model.die();
    },
    options,
  );
  return {
    url: server.url,
    model,
    cache,
    fault: faults.arm,
    clearFaults: faults.clear,
    exit: server.exit,
    async close() {
      cache?.close();
      await server.close();
    },
  };
}

/** The envelope of all routes; `param` and `code` are always there. */
function errorOf(error: unknown): { status: number; body: unknown } {
  const { status, message, type, param } =
    error instanceof FakeError ? error : new FakeError(500, String(error), "InternalServerError");
  return { status, body: { error: { message, type, param, code: status } } };
}
