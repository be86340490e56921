/**
 * `trtllm-serve`'s wire on a real socket, with the demo policy's numbers: `POST /v1/completions` with token ids and
 * the few routes around it. Made from published sources, not from a recording: it needs a GPU to be recorded.
 */
import { createHmac } from "node:crypto";
import { createFakeModel, type FakeModel, type FakeModelOptions } from "../core/fake-model.ts";
import {
  FakeError,
  type FakeRoute,
  type FakeServerOptions,
  startFakeServer,
} from "../core/fake-server.ts";
import { createFaults, type FaultKind, type FaultOptions } from "../core/fault.ts";
import { COMPLETIONS, completionsRoute } from "./completions.ts";

export interface FakeTrtllmOptions extends FakeModelOptions, FakeServerOptions {
  /** `rl_control_api_key`; default none: control calls need no signature. */
  readonly controlKey?: string;
  /** Whether the routes that trainers use are there; default they are. */
  readonly control?: boolean;
  /** `enable_iter_perf_stats`; default on. */
  readonly stats?: boolean;
}

export interface FakeTrtllm {
  readonly url: string;
  readonly model: FakeModel;
  /** Tags that were given back and not taken again. */
  readonly released: ReadonlySet<string>;
  fault(kind: FaultKind, options?: FaultOptions): void;
  clearFaults(): void;
  exit(): void;
  close(): Promise<void>;
}

export async function startFakeTrtllm(options: FakeTrtllmOptions = {}): Promise<FakeTrtllm> {
  const model = createFakeModel(options);
  const faults = createFaults();
  const released = new Set<string>();
  const routes: Record<string, FakeRoute> = {
    [COMPLETIONS]: completionsRoute(model),
    ...infoRoutes(model, options, () => Object.keys(routes)),
    ...(options.control === false ? {} : memoryRoutes(options.controlKey ?? null, released)),
  };
  const server = await startFakeServer(
    { routes, generates: [COMPLETIONS], errorOf },
    faults,
    () => model.die(),
    options,
  );
  return {
    url: server.url,
    model,
    released,
    fault: faults.arm,
    clearFaults: faults.clear,
    exit: server.exit,
    close: server.close,
  };
}

function infoRoutes(
  model: FakeModel,
  { stats = true }: FakeTrtllmOptions,
  names: () => string[],
): Record<string, FakeRoute> {
  return {
    "GET /health": ({ reply }) => reply.text(200, ""),
    "GET /version": ({ reply }) => reply.json(200, { version: "1.3.0rc29" }),
    "GET /v1/models": ({ reply }) => {
      const created = Math.floor(Date.now() / 1_000);
      const card = { id: "demo", object: "model", created, owned_by: "tensorrt_llm" };
      reply.json(200, { object: "list", data: [card] });
    },
    "GET /openapi.json": ({ reply }) => {
      const paths = names().map((name) => [name.split(" ")[1], {}]);
      reply.json(200, { openapi: "3.1.0", paths: Object.fromEntries(paths) });
    },
    "GET /metrics": ({ reply }) => reply.json(200, stats ? [iteration(model)] : []),
  };
}

function iteration(model: FakeModel) {
  const { running, waiting, kvUsedTokens, kvTotalTokens } = model.stats();
  return {
    iter: 1,
    iterLatencyMS: 2.5,
    numActiveRequests: running,
    numQueuedRequests: waiting,
    maxNumActiveRequests: 16,
    kvCacheStats: {
      usedNumBlocks: Math.ceil(kvUsedTokens / 32),
      freeNumBlocks: Math.floor((kvTotalTokens - kvUsedTokens) / 32),
      maxNumBlocks: kvTotalTokens / 32,
      tokensPerBlock: 32,
    },
    inflightBatchingStats: { numScheduledRequests: running },
  };
}

/** Signed over the bytes of the body, where there is a key. */
function memoryRoutes(key: string | null, released: Set<string>): Record<string, FakeRoute> {
  const route =
    (change: (tag: string) => void): FakeRoute =>
    ({ headers, text, body, reply }) => {
      const hex = key === null ? "" : createHmac("sha256", key).update(text).digest("hex");
      if (key !== null && headers["x-trtllm-rl-control-auth"] !== `sha256=${hex}`) {
        throw new FakeError(403, "Invalid RL control signature");
      }
      for (const tag of (body as { tags: string[] }).tags) change(tag);
      reply.json(200, { status: "success" });
    };
  return {
    "POST /release_memory": route((tag) => void released.add(tag)),
    "POST /resume_memory": route((tag) => void released.delete(tag)),
  };
}

/** Flat, unlike OpenAI's. */
function errorOf(error: unknown): { status: number; body: unknown } {
  const { status, message, type, param } =
    error instanceof FakeError ? error : new FakeError(500, String(error), "InternalServerError");
  return { status, body: { object: "error", message, type, param, code: status } };
}
