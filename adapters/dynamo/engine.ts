/**
 * A fleet behind NVIDIA Dynamo's frontend, as one engine with one slot: Dynamo's router places, we gate. The frontend generates
 * alone: versions, pauses and weights are its workers' own, one by one, where discovery lists them all (`rl-workers.ts`).
 */
import { z } from "zod";
import { PacelineError } from "../../server/contract/errors.ts";
import type { ExpertsHead } from "../../server/contract/routed-experts.ts";
import type { Capabilities, EngineDescription } from "../../server/contract/worker.ts";
import { knownFacts, knownHeld } from "../completions/facts.ts";
import { OwnLoad } from "../completions/own-load.ts";
import { Standstill } from "../completions/standstill.ts";
import type { Engine, EngineOptions } from "../engine.ts";
import { metricSum } from "../http/prometheus.ts";
import { type Client, createClient, type Served } from "./client.ts";
import { createControl } from "./control.ts";
import { broken } from "./errors.ts";
import { headOf, ROUTED_EXPERTS } from "./experts.ts";
import { incarnationOf, workersOf } from "./fleet.ts";
import { createRlWorkers } from "./rl-workers.ts";
import { telemetryOf } from "./telemetry.ts";
import { createWeights } from "./weights.ts";

const models = z.looseObject({ data: z.array(z.looseObject({ id: z.string() })).min(1) });

export function createDynamoEngine(url: string, options: EngineOptions = {}): Engine {
  const client = createClient(url, options);
  const workers = options.facts?.rlUrl === undefined ? null : createRlWorkers(options.facts.rlUrl);
  const load = new OwnLoad();
  let served: Served | null = null;
  let kvTokens = 0;
  const standstill = new Standstill();
  /** Every worker that generates can be asked. */
  let controlled = false;
  const control = createControl(standstill, () => (controlled ? workers : null));
  const weights = workers && createWeights(workers, control, knownHeld(options.facts ?? {}));
  /** Asked once a life. */
  let found: { readonly of: string; native: boolean; experts: ExpertsHead | null } | null = null;

  return {
    url,
    async probe(signal) {
      const [listed, metrics, about, health] = await Promise.all([
        client.json({ method: "GET", path: "/v1/models" }, signal),
        client.text({ method: "GET", path: "/metrics" }, signal),
        client.json({ method: "GET", path: "/openapi.json" }, signal),
        client.text({ method: "GET", path: "/health" }, signal),
      ]);
      const generating = workersOf(health);
      const incarnation = incarnationOf(generating);
      const model = modelOf(listed);
      if (found?.of !== incarnation) {
        control.reborn();
        weights?.reborn();
        const native = await isNative(client, signal);
        const experts = native ? null : await expertsOf(client, model, signal);
        found = { of: incarnation, native, experts };
      }
      controlled = (await workers?.discover(generating.length, signal)) ?? false;
      const told = toldBy(metrics, generating.length);
      const facts = knownFacts("dynamo", options.facts ?? {}, told);
      kvTokens = facts.kvTokens;
      const { native, experts } = found;
      served = { engine: "Dynamo", model, native, experts, ...facts };
      const held = controlled && weights !== null ? await weights.held(signal) : facts.held;
      const engineVersion = versionOf(about);
      return {
        ...describe(served, { ...facts, held }, controlled),
        engineVersion,
        incarnation,
        paused: standstill.paused || control.frozen,
      };
    },
    generate(request, signal) {
      if (served === null) throw new PacelineError("engine_error", "it has not been probed yet");
      const known = controlled && weights ? { ...served, held: weights.known } : served;
      return standstill.run(signal, (inner) =>
        load.counted(request, client.generate(request, known, inner)),
      );
    },
    control,
    get weights() {
      return controlled ? weights : null;
    },
    async telemetry(signal) {
      return telemetryOf(
        await client.text({ method: "GET", path: "/metrics" }, signal),
        load,
        kvTokens,
      );
    },
    async close() {
      client.close();
      workers?.close();
    },
  };
}

function describe(
  { model, native, experts }: Served,
  { held, logprobModes, kvTokens, maxRunning, ...shape }: ReturnType<typeof knownFacts>,
  controlled: boolean,
): Omit<EngineDescription, "engineVersion" | "incarnation" | "paused"> {
  const sampling = native ? NATIVE_SAMPLING : OPENAI_SAMPLING;
  return {
    kind: "dynamo",
    model,
    ...shape,
    slots: [{ index: 0, kvTokens, maxRunning }],
    capabilities: {
      ...CAPABILITIES,
      logprobModes,
      sampling,
      ...(controlled ? { pause: ["keep", "abort"] } : {}),
      ...(experts === null ? {} : { routedExperts: true }),
    },
    asleep: false,
    held,
  };
}

function modelOf(listed: unknown): string {
  const parsed = models.safeParse(listed);
  if (parsed.success) return (parsed.data.data[0] as { id: string }).id;
  throw new PacelineError("engine_error", "Dynamo's frontend lists no model: no worker is there");
}

const openapi = z.looseObject({ info: z.looseObject({ version: z.string() }) });

function versionOf(about: unknown): string {
  const parsed = openapi.safeParse(about);
  return parsed.success ? parsed.data.info.version : "unknown";
}

/**
 * Whether `/generate` serves this model: the route is there with `DYN_SGLANG_ENABLE_GENERATE=1`, and its workers must know
 * it too. Only a token that is asked for tells.
 */
async function isNative(client: Client, signal: AbortSignal): Promise<boolean> {
  const body = { input_ids: [1], sampling_params: { max_new_tokens: 1 }, stream: true };
  try {
    await client.text({ method: "POST", path: "/generate", body }, signal);
    return true;
  } catch (error) {
    const known = PacelineError.from(error);
    if (known.details["status"] !== 404) throw error;
    return false;
  }
}

/** What a row of routed experts is, where its workers tell any: only a token that is asked for tells. */
async function expertsOf(
  client: Client,
  model: string,
  signal: AbortSignal,
): Promise<ExpertsHead | null> {
  const nvext = { extra_fields: [ROUTED_EXPERTS] };
  const body = { model, prompt: [1], max_tokens: 1, stream: true, nvext };
  const text = await client.text({ method: "POST", path: "/v1/completions", body }, signal);
  for (const line of text.split("\n")) {
    if (!line.startsWith("data: {")) continue;
    const head = headOf(extrasOf(line.slice("data: ".length))?.routed_experts);
    if (head !== null) return { dtype: head.dtype, row: head.row };
  }
  return null;
}

function extrasOf(event: string): { readonly routed_experts?: unknown } | null {
  try {
    return (JSON.parse(event) as { nvext?: object | null }).nvext ?? null;
  } catch {
    throw broken(`an event that is no JSON: ${event.slice(0, 100)}`);
  }
}

/** What the frontend's metrics say of its model: of one worker, and 0 for what it does not know. */
function toldBy(metrics: string, workers: number) {
  const text = `\n${metrics}`;
  const of = (name: string): number | undefined =>
    metricSum(text, `dynamo_frontend_model_${name}`) ?? undefined;
  const blocks = of("total_kv_blocks");
  const blockTokens = of("kv_cache_block_size");
  const [maxModelLen, maxRunning] = [of("context_length"), of("max_num_seqs")];
  return {
    ...(maxModelLen ? { maxModelLen } : {}),
    ...(maxRunning ? { maxRunning: maxRunning * workers } : {}),
    ...(blocks && blockTokens ? { kvTokens: blocks * blockTokens * workers } : {}),
  };
}

const NATIVE_SAMPLING: Capabilities["sampling"] = [
  "temperature",
  "top_p",
  "top_k",
  "min_p",
  "presence_penalty",
  "frequency_penalty",
  "stop_token_ids",
  "min_new_tokens",
  "ignore_eos",
];

const OPENAI_SAMPLING: Capabilities["sampling"] = [
  ...NATIVE_SAMPLING,
  "repetition_penalty",
  "logit_bias",
  "seed",
];

const CAPABILITIES: Capabilities = {
  logprobModes: [],
  sampling: [],
  resume: { seeded: true, penalties: false },
  spans: "none",
  journal: "stream",
  sessionCache: false,
  pause: ["abort"],
  sleep: false,
  weights: { stage: false, proof: "reported" },
  promptLogprobs: false,
  maxTopLogprobs: 0,
  samplingMask: false,
};
