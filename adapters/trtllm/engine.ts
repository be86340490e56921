/**
 * NVIDIA TensorRT-LLM behind `trtllm-serve`: token ids in and out over `/v1/completions`. It tells no version, no shape
 * and no restart, so its operator does (`EngineFacts`) and a lost socket counts as a restart.
 *
 * Never run against a real one, which needs a GPU: made from its published sources, tested against a fake of them.
 */
import { z } from "zod";
import { PacelineError } from "../../server/contract/errors.ts";
import type { EngineDescription } from "../../server/contract/worker.ts";
import { knownFacts } from "../completions/facts.ts";
import { createLife } from "../completions/life.ts";
import { OwnLoad } from "../completions/own-load.ts";
import { Standstill } from "../completions/standstill.ts";
import type { Engine, EngineOptions } from "../engine.ts";
import { CAPABILITIES } from "./capabilities.ts";
import { type Client, createClient, type Served } from "./client.ts";
import { createControl } from "./control.ts";
import { createTrtllmGrpcEngine } from "./grpc/engine.ts";
import { telemetryOf } from "./telemetry.ts";

const version = z.looseObject({ version: z.string() });
const models = z.looseObject({ data: z.array(z.looseObject({ id: z.string() })).min(1) });
const openapi = z.looseObject({ paths: z.record(z.string(), z.unknown()) });

/** `http(s)://`: `trtllm-serve`; `grpc(s)://`: one that was started with `--grpc`. */
export function createTrtllmEngine(url: string, options: EngineOptions = {}): Engine {
  if (/^grpcs?:/.test(url)) return createTrtllmGrpcEngine(url, options);
  const life = createLife("trtllm");
  const client = createClient(url, options, life);
  const load = new OwnLoad();
  let served: Served | null = null;
  let asleep = false;
  const standstill = new Standstill();

  async function probe(signal: AbortSignal): Promise<EngineDescription> {
    const [told, listed, routes] = await Promise.all([
      get(client, "/version", version, signal),
      get(client, "/v1/models", models, signal),
      get(client, "/openapi.json", openapi, signal),
    ]);
    const facts = knownFacts("trtllm", options.facts ?? {});
    const { held, logprobModes, kvTokens, maxRunning, ...shape } = facts;
    const model = (listed.data[0] as { id: string }).id;
    served = { engine: "TensorRT-LLM", model, ...facts };
    return {
      kind: "trtllm",
      engineVersion: told.version,
      incarnation: life.incarnation,
      model,
      ...shape,
      slots: [{ index: 0, kvTokens, maxRunning }],
      capabilities: { ...CAPABILITIES, logprobModes, sleep: "/release_memory" in routes.paths },
      paused: asleep || standstill.paused,
      asleep,
      held,
    };
  }

  return {
    url,
    probe,
    generate(request, signal) {
      if (served === null) throw new PacelineError("engine_error", "it has not been probed yet");
      const known = served;
      return standstill.run(signal, (inner) =>
        load.counted(request, client.generate(request, known, inner)),
      );
    },
    control: createControl(client, standstill, (now) => {
      asleep = now;
    }),
    weights: null,
    async telemetry(signal) {
      const metrics = await client.json({ method: "GET", path: "/metrics" }, signal);
      return telemetryOf(metrics, load, options.facts?.kvTokens ?? 0);
    },
    async close() {
      client.close();
    },
  };
}

async function get<T>(
  client: Client,
  path: string,
  schema: z.ZodType<T>,
  signal: AbortSignal,
): Promise<T> {
  const parsed = schema.safeParse(await client.json({ method: "GET", path }, signal));
  if (parsed.success) return parsed.data;
  throw new PacelineError("engine_error", `${path} is not TensorRT-LLM's`, { cause: parsed.error });
}
