/** `POST /generate`, in one piece and streamed: cumulative by default, in increments where the server is started so. */
import { z } from "zod";
import { PacelineError } from "../../../server/contract/errors.ts";
import type { FinishReason } from "../../../server/contract/rollout.ts";
import type { CoreSampling } from "../../../server/engine/core.ts";
import { distorted, inChunks } from "../core/distorted.ts";
import { expertRows } from "../core/experts.ts";
import type { FakeRequest } from "../core/fake-model.ts";
import type { FakeFinish, FakePart, FakeTokens, WireNumber } from "../core/fake-output.ts";
import { type FakeCall, FakeError, type FakeRoute } from "../core/fake-server.ts";
import { resumed, type SglangState } from "./state.ts";

export const GENERATE_ROUTES = ["POST /generate", "PUT /generate"];

const id = z.int();
const sampling = z.looseObject({
  max_new_tokens: z.int().nullish(),
  min_new_tokens: z.int().default(0),
  temperature: z.number().default(1),
  top_p: z.number().default(1),
  top_k: z.int().default(-1),
  min_p: z.number().default(0),
  presence_penalty: z.number().default(0),
  frequency_penalty: z.number().default(0),
  repetition_penalty: z.number().default(1),
  stop_token_ids: z.array(id).nullish(),
  ignore_eos: z.boolean().default(false),
  sampling_seed: z.int().nullish(),
  logit_bias: z.record(z.string(), z.number()).nullish(),
  stream_interval: z.int().min(1).nullish(),
});

/** Fields that it does not know it ignores. */
const body = z.looseObject({
  rid: z.string().nullish(),
  input_ids: z.array(z.int()),
  sampling_params: sampling.default(() => sampling.parse({})),
  return_logprob: z.boolean().nullish(),
  logprob_start_len: z.int().nullish(),
  top_logprobs_num: z.int().nullish(),
  return_prompt_token_ids: z.boolean().nullish(),
  return_sampling_mask: z.boolean().nullish(),
  return_routed_experts: z.boolean().nullish(),
  routed_experts_start_len: z.int().min(0).default(0),
  stream: z.boolean().nullish(),
  extra_key: z.string().nullish(),
  cache_salt: z.string().nullish(),
  lora_path: z.string().nullish(),
  priority: z.int().nullish(),
});

type Body = z.infer<typeof body>;

/** The default where a request names no end. */
const MAX_NEW_TOKENS = 128;
/** Of deterministic inference where a request has none. */
const DEFAULT_SEED = 42;

let requests = 0;
/** Without deterministic inference no seed counts. */
let unseeded = 0x51_0000;

export function generateRoutes(state: SglangState): Readonly<Record<string, FakeRoute>> {
  const route: FakeRoute = async (call) => {
    const asked = parse(call.body);
    assertAsked(state, asked);
    const rid = asked.rid ?? `fake${++requests}`;
    if (state.rids.has(rid)) throw new FakeError(400, `Duplicate request ID detected: ${rid}`);
    state.rids.add(rid);
    try {
      await serve(state, asked, rid, call);
    } finally {
      state.rids.delete(rid);
    }
  };
  return Object.fromEntries(GENERATE_ROUTES.map((name) => [name, route]));
}

async function serve(state: SglangState, asked: Body, rid: string, call: FakeCall): Promise<void> {
  await resumed(state);
  // The real scheduler has no answer to it: the whole server ends.
  if (asked.input_ids.some((one) => one >= state.model.info.vocabSize || one < 0)) {
    state.exit();
    return;
  }
  if (call.left.aborted) return;
  const parts = submit(state, asked, rid);
  call.left.addEventListener("abort", () => void parts.return?.());
  const interval = asked.sampling_params.stream_interval ?? state.options.streamInterval;
  const told = distorted(inChunks(parts, interval), call.fault);
  const named = call.fault?.kind === "other_id" ? `${rid}-other` : rid;
  await (asked.stream === true ? stream : whole)(state, asked, named, call, told);
  state.finished += 1;
}

function parse(given: unknown): Body {
  const parsed = body.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new FakeError(400, `${issue?.path.join(".")}: ${issue?.message}`);
}

function assertAsked({ model, options }: SglangState, asked: Body): void {
  const { input_ids: ids, sampling_params: params, lora_path: lora } = asked;
  const { maxModelLen, vocabSize } = model.info;
  const most = params.max_new_tokens ?? MAX_NEW_TOKENS;
  if (ids.length === 0) throw new FakeError(400, "input_ids cannot be empty.");
  if (ids.length >= maxModelLen) {
    throw new FakeError(
      400,
      `The input (${ids.length} tokens) is longer than the model's context length (${maxModelLen} tokens).`,
    );
  }
  if (ids.length + most > maxModelLen) {
    throw new FakeError(
      400,
      `Requested token count exceeds the model's maximum context length of ${maxModelLen} tokens. ` +
        `You requested a total of ${ids.length + most} tokens: ${ids.length} tokens from the input messages and ` +
        `${most} tokens for the completion. Please reduce the number of tokens in the input messages or the ` +
        "completion to fit within the limit.",
    );
  }
  if (params.temperature < 0) {
    throw new FakeError(400, `temperature must be non-negative, got ${params.temperature}.`);
  }
  const unknown = Object.keys(params.logit_bias ?? {}).find((key) => Number(key) >= vocabSize);
  if (unknown !== undefined) {
    throw new FakeError(400, `logit_bias must has keys in [0, ${vocabSize - 1}], got ${unknown}.`);
  }
  if (params.min_new_tokens > most) {
    const message = `min_new_tokens must be in [0, max_new_tokens(${most})], got ${params.min_new_tokens}.`;
    throw new FakeError(400, message);
  }
  if (!(params.top_p > 0 && params.top_p <= 1)) {
    throw new FakeError(400, `top_p must be in (0, 1], got ${params.top_p}.`);
  }
  if (lora != null && !(options.lora && model.adapters.has(lora))) {
    throw new FakeError(400, `The following requested LoRA adapters are not loaded: ${lora}`);
  }
}

function submit(state: SglangState, asked: Body, rid: string) {
  const { model, options } = state;
  const { input_ids: ids, sampling_params: params } = asked;
  const topLogprobs = asked.return_logprob === true ? (asked.top_logprobs_num ?? 0) : 0;
  const samplingMask = asked.return_sampling_mask === true;
  // Its scheduler stops short of the context's last two places.
  const room = Math.max(0, model.info.maxModelLen - 2 - ids.length);
  const start = asked.logprob_start_len ?? -1;
  const scored = asked.return_logprob === true && start >= 0;
  const plain: FakeRequest = {
    id: `${rid}#${++requests}`,
    promptTokenIds: Uint32Array.from(ids),
    sampling: samplingOf(params, room, options.deterministic),
    // Before the filters, at the request's temperature; greedy ones without it.
    logprobMode: params.temperature === 0 ? "penalised" : "tempered",
    cacheNamespace: asked.extra_key || asked.cache_salt || "",
    priority: asked.priority ?? 0,
    adapter: asked.lora_path ?? null,
    side:
      topLogprobs > 0 || scored || samplingMask
        ? { promptLogprobs: scored ? { start } : null, topLogprobs, samplingMask }
        : null,
  };
  try {
    return model.submit(options.deterministic && !scored ? byPosition(plain) : plain);
  } catch (error) {
    if (!(error instanceof PacelineError)) throw error;
    throw new FakeError(400, error.message);
  }
}

/**
 * Deterministic inference draws by seed and position in the whole sequence: what was sent as prompt counts as output to
 * the sampler's positions. Only without penalties, which tell prompt and output apart.
 */
function byPosition(request: FakeRequest): FakeRequest {
  const { promptTokenIds: ids, sampling } = request;
  const penalised = sampling?.presencePenalty !== 0 || sampling.frequencyPenalty !== 0;
  if (penalised || sampling.repetitionPenalty !== 1) return request;
  const before = ids.length - 1;
  return {
    ...request,
    promptTokenIds: ids.slice(0, 1),
    outputTokenIds: ids.slice(1),
    sampling: {
      ...sampling,
      maxNewTokens: (sampling.maxNewTokens ?? 0) + before,
      minNewTokens: (sampling.minNewTokens ?? 0) + before,
    },
  };
}

function samplingOf(
  params: Body["sampling_params"],
  room: number,
  deterministic: boolean,
): Partial<CoreSampling> {
  return {
    maxNewTokens: Math.min(params.max_new_tokens ?? MAX_NEW_TOKENS, room),
    minNewTokens: params.min_new_tokens,
    temperature: params.temperature,
    topP: params.top_p,
    topK: Math.max(0, params.top_k),
    minP: params.min_p,
    presencePenalty: params.presence_penalty,
    frequencyPenalty: params.frequency_penalty,
    repetitionPenalty: params.repetition_penalty,
    // Told to look past EOS it looks past these too; those that min_new_tokens holds off it never draws.
    stopTokenIds:
      params.ignore_eos && params.min_new_tokens === 0 ? [] : (params.stop_token_ids ?? []),
    ignoreEos: params.ignore_eos,
    seed: deterministic ? Math.abs(params.sampling_seed ?? DEFAULT_SEED) : ++unseeded,
    logitBias: Object.entries(params.logit_bias ?? {}).map(([token, bias]) => [
      Number(token),
      bias,
    ]),
  };
}

/** All that a reply tells of, gathered as it comes. */
interface Told {
  prompt: { readonly start: number; readonly logprobs: Float32Array } | null;
  readonly tokens: FakeTokens[];
  /** All so far. */
  readonly made: number[];
  cachedTokens: number;
}

async function whole(
  state: SglangState,
  asked: Body,
  rid: string,
  { reply }: FakeCall,
  parts: AsyncIterable<FakePart>,
): Promise<void> {
  const all = await Array.fromAsync(parts);
  const finish = all.find((part) => part.type === "finished") ?? null;
  const told: Told = {
    prompt: all.find((part) => part.type === "prompt") ?? null,
    tokens: all.filter((part) => part.type === "tokens"),
    made: all.flatMap((part) => (part.type === "tokens" ? part.ids.map(Number) : [])),
    cachedTokens: finish?.cachedTokens ?? 0,
  };
  reply.json(200, replyOf(state, asked, rid, told, finish));
}

async function stream(
  state: SglangState,
  asked: Body,
  rid: string,
  { reply }: FakeCall,
  parts: AsyncIterable<FakePart>,
): Promise<void> {
  const { incremental } = state.options;
  const told: Told = { prompt: null, tokens: [], made: [], cachedTokens: 0 };
  /** The last tokens and the finish come together. */
  let due = false;
  const send = (finish: FakeFinish | null): void => {
    const made = told.tokens.at(-1)?.made ?? 0;
    reply.event(replyOf(state, asked, rid, told, finish), made, finish !== null);
    if (incremental) {
      told.prompt = null;
      told.tokens.length = 0;
    }
    due = false;
  };
  for await (const part of parts) {
    if (part.type === "started") told.cachedTokens = part.cachedTokens;
    else if (part.type === "prompt") told.prompt = part;
    else if (part.type === "finished") send(part);
    else {
      if (due) send(null);
      told.made.push(...part.ids.map(Number));
      told.tokens.push(part);
      due = part.last;
      if (!due) send(null);
    }
  }
  if (due) send(null);
  reply.done();
}

function replyOf(
  state: SglangState,
  asked: Body,
  rid: string,
  told: Told,
  finish: FakeFinish | null,
): unknown {
  const { tokens } = told;
  const ids = tokens.flatMap((part) => part.ids);
  const made = finish?.made ?? tokens.at(-1)?.made ?? 0;
  return {
    text: textOf(ids),
    output_ids: ids,
    meta_info: {
      id: rid,
      finish_reason: finish === null ? null : finishReason(finish.reason, made),
      ...(neverRan(finish) ? {} : { prompt_tokens: asked.input_ids.length }),
      weight_version: finish?.label ?? state.model.label,
      ...(neverRan(finish)
        ? {}
        : { num_retractions: finish?.retractions ?? tokens.at(-1)?.retractions ?? 0 }),
      ...(asked.return_logprob === true ? logprobsOf(state, asked, told) : {}),
      ...(asked.return_sampling_mask === true ? masksOf(tokens) : {}),
      ...(neverRan(finish) ? {} : { reasoning_tokens: 0 }),
      completion_tokens: made,
      ...(neverRan(finish) ? {} : { cached_tokens: told.cachedTokens }),
      ...(finish === null ? {} : endOf(state, finish)),
      ...(finish === null ? {} : expertsOf(state, asked, told)),
    },
    ...(asked.return_prompt_token_ids === true ? { prompt_token_ids: asked.input_ids } : {}),
  };
}

const neverRan = (finish: FakeFinish | null): boolean =>
  finish !== null && finish.reason.type === "abort" && finish.made === 0;

/** Of all tokens but the last, which is not run forward; once, at the end. */
function expertsOf({ options: { experts } }: SglangState, asked: Body, { made }: Told): object {
  if (experts === null || asked.return_routed_experts !== true) return {};
  const run = [...asked.input_ids, ...made].slice(asked.routed_experts_start_len, -1);
  return { routed_experts: expertRows(run, { ...experts, dtype: "int32" }).toString("base64") };
}

function endOf({ model }: SglangState, finish: FakeFinish): Record<string, unknown> {
  const { spans } = finish;
  return {
    // One span is told even of no tokens.
    weight_versions: spans.length > 0 ? spans : [{ version: model.label, start: 0, end: 0 }],
    cached_tokens_details: null,
    dp_rank: null,
    e2e_latency: 0.125,
  };
}

function logprobsOf(
  { model }: SglangState,
  asked: Body,
  { prompt, tokens }: Told,
): Record<string, unknown> {
  const { vocabSize } = model.info;
  const output = tokens.flatMap(({ ids, logprobs }) =>
    logprobs.map((value, at) => [value, ids[at] as WireNumber, null]),
  );
  const scored =
    prompt === null
      ? []
      : Array.from(prompt.logprobs, (value, at) => [
          // The first has none, wherever it stands.
          at === 0 ? null : value,
          scoredId(asked.input_ids[prompt.start + at], vocabSize),
          null,
        ]);
  const topNumber = asked.top_logprobs_num ?? 0;
  return {
    input_token_logprobs: scored,
    output_token_logprobs: output,
    output_token_logprobs_length: output.length,
    ...(topNumber === 0
      ? {}
      : {
          input_top_logprobs: scored.map(() => null),
          output_top_logprobs: tokens.flatMap(({ top, ids }) =>
            ids.map((_, at) => topRow(top?.[at] ?? [], Math.min(topNumber, vocabSize))),
          ),
        }),
  };
}

/** A prompt's logprobs are right but for the name of the vocabulary's last id, which they call 0. */
const scoredId = (id: number | undefined, vocabSize: number): number | undefined =>
  id === vocabSize - 1 ? 0 : id;

/** As many as were asked for: what the masks forbid comes last, without a logprob. */
function topRow(row: readonly (readonly [number, number])[], width: number): unknown[] {
  const told: unknown[] = row.map(([token, value]) => [value, token, null]);
  const known = new Set(row.map(([token]) => token));
  for (let token = 0; told.length < width; token++) {
    if (!known.has(token)) told.push([null, token, null]);
  }
  return told;
}

function masksOf(tokens: readonly FakeTokens[]): Record<string, unknown> {
  const masks = tokens.flatMap(({ mask }) => mask ?? []);
  return {
    output_token_sampling_mask: masks,
    output_token_sampling_logprobs: masks.map(() => null),
    output_token_sampling_mask_length: masks.length,
  };
}

function finishReason({ type, matched }: FinishReason, made: number): unknown {
  if (type === "stop") return { type, matched };
  if (type === "length") return { type, length: made };
  if (made === 0) return { type, message: "Abort in waiting queue" };
  return { type, message: "Aborted", status_code: null, err_type: null };
}

/** The demo policy's first 256 ids are bytes. */
const textOf = (ids: readonly WireNumber[]): string =>
  Buffer.from(ids.filter((one): one is number => typeof one === "number" && one < 256)).toString(
    "utf8",
  );
