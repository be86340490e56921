/**
 * A Dynamo frontend's wire on a real socket, with the demo policy's numbers and SGLang- or vLLM-like workers behind it:
 * `/generate` or `/v1/completions` with `nvext`. Shapes are those of 1.6.1.
 */
import type { FakeExperts } from "../core/experts.ts";
import { createFakeModel, type FakeModel, type FakeModelOptions } from "../core/fake-model.ts";
import { encodeJson } from "../core/fake-reply.ts";
import {
  FakeError,
  type FakeRoute,
  type FakeServerOptions,
  startFakeServer,
} from "../core/fake-server.ts";
import { createFaults, type FaultKind, type FaultOptions } from "../core/fault.ts";
import { COMPLETIONS, completionsRoute } from "./completions.ts";
import { GENERATE, generateRoute } from "./generate.ts";
import { type FakeRlWorkers, startRlWorkers } from "./rl-workers.ts";

export interface FakeDynamoOptions extends FakeModelOptions, FakeServerOptions {
  /** `DYN_SGLANG_ENABLE_GENERATE=1`; default off: the route is not there. */
  readonly native?: boolean;
  /** Its workers tell routed experts of this shape, on completions; default null. */
  readonly experts?: FakeExperts | null;
  /** Its workers were started for RL, and discovery lists them; default off. */
  readonly rl?: boolean;
  /** Events of `/generate` hold all tokens so far; default off. */
  readonly cumulative?: boolean;
}

export interface FakeDynamo {
  readonly url: string;
  readonly model: FakeModel;
  /** Instance ids of its workers, as discovery lists them. */
  workers: readonly string[];
  /** The worker that serves; a change amid a reply is a migration. */
  worker: number;
  /** Discovery and control; null without. */
  readonly rl: FakeRlWorkers | null;
  fault(kind: FaultKind, options?: FaultOptions): void;
  clearFaults(): void;
  exit(): void;
  close(): Promise<void>;
}

export async function startFakeDynamo(options: FakeDynamoOptions = {}): Promise<FakeDynamo> {
  const model = createFakeModel(options);
  const faults = createFaults();
  const fleet = {
    workers: ["12195079162039251464", "3139514393538821950"] as readonly string[],
    worker: 11,
  };
  const routes: Record<string, FakeRoute> = {
    [COMPLETIONS]: completionsRoute(model, fleet, options.experts ?? null),
    ...(options.native ? { [GENERATE]: generateRoute(model, options.cumulative ?? false) } : {}),
    "GET /v1/models": ({ reply }) => {
      const card = {
        id: "demo",
        object: "model",
        created: 0,
        owned_by: "nvidia",
        context_window: 0,
      };
      reply.json(200, { object: "list", data: [card] });
    },
    "GET /metrics": ({ reply }) => reply.text(200, metricsOf(model)),
    // Ids of 64 bits, which no double holds.
    "GET /health": ({ reply }) => {
      const instances = fleet.workers.map((id) => ({
        component: "backend",
        endpoint: "generate",
        namespace: "dynamo",
        instance_id: { rawJSON: id },
      }));
      const text = encodeJson({ status: "healthy", endpoints: [], instances });
      reply.text(200, text, "application/json");
    },
    "GET /openapi.json": ({ reply }) =>
      reply.json(200, { openapi: "3.1.0", info: { title: "Dynamo", version: "1.6.1" }, paths: {} }),
  };
  const server = await startFakeServer(
    { routes, generates: [COMPLETIONS, GENERATE], errorOf },
    faults,
    () => model.die(),
    options,
  );
  const rl = options.rl ? await startRlWorkers(model, fleet) : null;
  return Object.assign(fleet, {
    url: server.url,
    rl,
    model,
    fault: faults.arm,
    clearFaults: faults.clear,
    exit: server.exit,
    async close() {
      await server.close();
      await rl?.close();
    },
  });
}

function metricsOf(model: FakeModel): string {
  const { running, kvTotalTokens, kvUsedTokens } = model.stats();
  const labels = '{model="demo"}';
  return [
    "# HELP dynamo_frontend_inflight_requests Number of inflight requests",
    "# TYPE dynamo_frontend_inflight_requests gauge",
    `dynamo_frontend_inflight_requests${labels} ${running}`,
    `dynamo_frontend_model_context_length${labels} ${model.info.maxModelLen}`,
    `dynamo_frontend_model_kv_cache_block_size${labels} 16`,
    `dynamo_frontend_model_total_kv_blocks${labels} ${kvTotalTokens / 32}`,
    `dynamo_frontend_model_max_num_seqs${labels} 8`,
    `dynamo_frontend_worker_active_decode_blocks${labels} ${Math.ceil(kvUsedTokens / 16)}`,
    "",
  ].join("\n");
}

function errorOf(error: unknown): { status: number; body: unknown } {
  const { status, message, type } =
    error instanceof FakeError ? error : new FakeError(500, String(error), "Internal Server Error");
  return { status, body: { message, type, code: status } };
}
