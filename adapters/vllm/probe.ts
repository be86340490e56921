/**
 * What a probe finds: the life of the process, its shape, and by one real token what its replies tell (I6). That token is asked
 * for once a life, and never of weights that are in doubt: it would end the server.
 */
import { unlessAborted } from "../../server/contract/abort.ts";
import { PacelineError } from "../../server/contract/errors.ts";
import type { Capabilities, EngineDescription } from "../../server/contract/worker.ts";
import { metricText } from "../http/prometheus.ts";
import { takesAdapters } from "./adapters.ts";
import type { Client, Known } from "./client.ts";
import { mostLikely } from "./request.ts";
import { type Shape, shapeOf } from "./shape.ts";
import type { VllmWeights } from "./weights.ts";

/** For a server that dumps its whole environment, and makes a token, under load. */
const LEARN_MS = 60_000;

/** vLLM 0.32 calls an engine that is only paused sleeping, too (`EngineCore.is_sleeping`); its gauge does not. */
const AWAKE = /^vllm:engine_sleep_state\{[^}]*sleep_state="awake"[^}]*\} 1(?:\.0)?\r?$/m;

/** What one token told. */
interface Shown {
  readonly spans: "end" | "none";
  readonly promptLogprobs: boolean;
  /** It told what its token was drawn from. */
  readonly masks: boolean;
  /** It told which experts its tokens were sent to. */
  readonly experts: boolean;
  /** It was seen to read adapters. */
  readonly adapters: boolean;
}

interface Life {
  readonly incarnation: string;
  readonly shape: Promise<Shape>;
  /** Null: not asked yet. */
  shown: Promise<Shown> | null;
  known: Known | null;
}

export interface Prober {
  probe(signal: AbortSignal): Promise<EngineDescription>;
  /** Of the life that was probed last. Throws `engine_error` before. */
  readonly known: Known;
  readonly kvTotalTokens: number;
  /** `--enable-sleep-mode`, as the last probe found it. */
  readonly sleeps: boolean;
}

export function createProber(
  client: Client,
  weights: VllmWeights,
  streamInterval: number | null,
): Prober {
  let life: Life | null = null;
  let kvTotalTokens = 0;
  let sleeps = false;

  function lifeOf(metrics: string): Life {
    const incarnation = incarnationOf(metrics);
    if (life?.incarnation === incarnation) return life;
    if (life !== null) weights.reborn();
    const shape = shapeOf(client, metrics, AbortSignal.timeout(LEARN_MS));
    const fresh: Life = { incarnation, shape, shown: null, known: null };
    // Whoever asked may have gone; the next probe asks again.
    shape.catch(() => {
      if (life === fresh) life = null;
    });
    life = fresh;
    return fresh;
  }

  /** Where it cannot be asked now it has proved nothing: a later probe may. */
  async function shownBy(now: Life, shape: Shape, still: boolean): Promise<Shown> {
    if (now.shown === null) {
      if (still || weights.doubtful) return NOTHING;
      const asked = show(client, shape);
      now.shown = asked;
      asked.catch(() => {
        now.shown = null;
      });
    }
    return now.shown;
  }

  return {
    get known() {
      if (life?.known) return life.known;
      throw new PacelineError("engine_error", "this vLLM has not been probed yet");
    },
    get kvTotalTokens() {
      return kvTotalTokens;
    },
    get sleeps() {
      return sleeps;
    },
    async probe(signal) {
      const is = async (path: string, field: string): Promise<boolean> => {
        const answer = await client.call({ method: "GET", path }, signal);
        return (answer as Record<string, unknown> | null)?.[field] === true;
      };
      const metrics = await client.text({ method: "GET", path: "/metrics" }, signal);
      const now = lifeOf(metrics);
      const shape = await unlessAborted(now.shape, signal, "the probe");
      const [paused, sleeping, held] = await Promise.all([
        shape.routes.has("/is_paused") ? is("/is_paused", "is_paused") : false,
        shape.routes.has("/is_sleeping") ? is("/is_sleeping", "is_sleeping") : false,
        weights.held(signal),
      ]);
      const asleep = sleeping && !(paused && AWAKE.test(metrics));
      const shown = await unlessAborted(shownBy(now, shape, paused || asleep), signal, "the probe");
      weights.takeAdapters(shown.adapters, shape.masks);
      const { priorities, ranks, logprobMode, masks, vocabSize } = shape;
      const { experts } = shown;
      now.known = {
        ...{ priorities, logprobMode, masks, experts, vocabSize },
        ...{ streamInterval, slots: ranks },
      };
      kvTotalTokens = shape.kvTokens * ranks;
      sleeps = shape.sleeps;
      return {
        kind: "vllm",
        engineVersion: shape.version,
        incarnation: now.incarnation,
        model: shape.model,
        dtype: shape.dtype,
        maxModelLen: shape.maxModelLen,
        vocabSize: shape.vocabSize,
        eosTokenIds: shape.eosTokenIds,
        slots: Array.from({ length: ranks }, (_, index) => ({
          index,
          kvTokens: shape.kvTokens,
          maxRunning: shape.maxRunning,
        })),
        capabilities: capabilitiesOf(shape, shown),
        paused: paused || asleep,
        asleep,
        held,
      };
    },
  };
}

/** When the process began, as its own counters say. */
function incarnationOf(metrics: string): string {
  const text = `\n${metrics}`;
  const since =
    metricText(text, "vllm:prefix_cache_queries_created") ??
    metricText(text, "process_start_time_seconds");
  if (since !== null) return `vllm-${since}`;
  throw new PacelineError("engine_error", "/metrics does not tell when this vLLM was started");
}

const NOTHING: Shown = {
  spans: "none",
  promptLogprobs: false,
  masks: false,
  experts: false,
  adapters: false,
};

const TOLD = [
  ...["token_ids", "logprobs", "weight_versions"],
  ...["sampling_mask", "routed_experts"],
] as const;

async function show(client: Client, { maxLogprobs, masks, adapters }: Shape): Promise<Shown> {
  const body = {
    token_ids: [0, 1],
    sampling_params: {
      max_tokens: 1,
      ...mostLikely(masks),
      logprobs: 0,
      detokenize: false,
      ...(maxLogprobs === 0 ? {} : { prompt_logprobs: 0 }),
    },
    cache_salt: "probe",
  };
  const path = "/inference/v1/generate";
  const reply = (await client.call(
    { method: "POST", path, body },
    AbortSignal.timeout(LEARN_MS),
  )) as {
    prompt_logprobs?: unknown;
    choices?: readonly Readonly<Partial<Record<(typeof TOLD)[number], unknown>>>[];
  } | null;
  const choice = reply?.choices?.[0];
  if (
    !Array.isArray(choice?.token_ids) ||
    choice.token_ids.length !== 1 ||
    choice.logprobs == null
  ) {
    throw new PacelineError(
      "engine_error",
      "vLLM made no token with its logprob when it was probed",
    );
  }
  return {
    spans: Array.isArray(choice.weight_versions) ? "end" : "none",
    promptLogprobs: Array.isArray(reply?.prompt_logprobs),
    masks: Array.isArray(choice.sampling_mask) && choice.sampling_mask.length === 1,
    experts: typeof choice.routed_experts === "string",
    adapters: adapters > 0 && (await takesAdapters(client, AbortSignal.timeout(LEARN_MS))),
  };
}

function capabilitiesOf(shape: Shape, shown: Shown): Capabilities {
  const { logprobMode, maxLogprobs, routes, adapters } = shape;
  const { spans, promptLogprobs } = shown;
  const pauses = routes.has("/pause") && routes.has("/resume");
  return {
    logprobModes: logprobMode === null ? [] : [logprobMode],
    sampling: [
      "temperature",
      "top_p",
      "top_k",
      "min_p",
      "presence_penalty",
      "frequency_penalty",
      "repetition_penalty",
      "logit_bias",
      "stop_token_ids",
      "min_new_tokens",
      "ignore_eos",
      "seed",
      "allowed_token_ids",
    ],
    // Reseeded by position; penalties would count what was made before the cut as prompt.
    resume: { seeded: true, penalties: false },
    spans,
    journal: "stream",
    sessionCache: false,
    pause: pauses ? ["keep", "retract", "abort"] : [],
    sleep: shape.sleeps,
    weights: {
      stage: false,
      proof: promptLogprobs ? "receipt" : "reported",
      ...(shown.adapters ? { adapters } : {}),
    },
    promptLogprobs,
    // One place is the sampled token's own.
    maxTopLogprobs: Math.max(0, maxLogprobs === -1 ? shape.vocabSize - 1 : maxLogprobs - 1),
    samplingMask: shown.masks,
    ...(shown.experts ? { routedExperts: true } : {}),
  };
}
