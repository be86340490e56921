/** `POST /inference/v1/generate`, in one piece and streamed. */
import { z } from "zod";
import { PacelineError } from "../../../server/contract/errors.ts";
import type { FinishReason } from "../../../server/contract/rollout.ts";
import type { CoreSampling } from "../../../server/engine/core.ts";
import { distorted, inChunks } from "../core/distorted.ts";
import { expertRows, npyFile } from "../core/experts.ts";
import type { FakeFinish, FakePart, FakeTokens, WireNumber } from "../core/fake-output.ts";
import { type FakeCall, FakeError, type FakeRoute } from "../core/fake-server.ts";
import { coreDead, type VllmState } from "./state.ts";

export const GENERATE = "POST /inference/v1/generate";

/** `--max-logprobs`. */
const MAX_LOGPROBS = 20;

const id = z.int();
const sampling = z.looseObject({
  n: z.int().default(1),
  max_tokens: z.int().nullish(),
  min_tokens: z.int().default(0),
  temperature: z.number().default(1),
  top_p: z.number().default(1),
  top_k: z.int().default(0),
  min_p: z.number().default(0),
  presence_penalty: z.number().default(0),
  frequency_penalty: z.number().default(0),
  repetition_penalty: z.number().default(1),
  seed: z.int().nullish(),
  stop_token_ids: z.array(id).nullish(),
  ignore_eos: z.boolean().default(false),
  logit_bias: z.record(z.string(), z.number()).nullish(),
  allowed_token_ids: z.array(id).nullish(),
  routed_experts_prompt_start: z.int().min(0).default(0),
  logprobs: z.int().nullish(),
  prompt_logprobs: z.int().nullish(),
  stream_interval: z.int().min(1).nullish(),
});

/** Fields that it does not know it ignores. */
const body = z.looseObject({
  request_id: z.string().optional(),
  token_ids: z.array(z.int().min(0)).min(1),
  sampling_params: sampling,
  model: z.string().nullish(),
  return_token_ids: z.boolean().nullish(),
  stream: z.boolean().nullish(),
  stream_options: z
    .looseObject({
      include_usage: z.boolean().default(true),
      continuous_usage_stats: z.boolean().default(false),
    })
    .nullish(),
  cache_salt: z.string().min(1).nullish(),
  priority: z.int().default(0),
});

type Body = z.infer<typeof body>;

let requests = 0;

export function generateRoute(state: VllmState): FakeRoute {
  return async (call) => {
    const asked = parse(call.body);
    if (state.broken) {
      call.reply.last(state.exit);
      throw coreDead();
    }
    assertAsked(state, asked);
    const given = call.headers["x-request-id"] ?? asked.request_id ?? `fake${++requests}`;
    const requestId = `generate-tokens-${String(given)}`;
    const parts = submit(state, asked, requestId);
    const told = distorted(inChunks(parts, asked.sampling_params.stream_interval ?? 1), call.fault);
    call.left.addEventListener("abort", () => void parts.return?.());
    const named = call.fault?.kind === "other_id" ? `${requestId}-other` : requestId;
    const reply = asked.stream === true ? stream : whole;
    await reply(state, asked, named, call, told);
  };
}

function parse(given: unknown): Body {
  const parsed = body.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const loc = ["body", ...(issue?.path ?? [])].join(".");
  const message = `1 validation error:\n  {'loc': '${loc}', 'msg': '${issue?.message}'}`;
  throw new FakeError(400, message, "Bad Request", loc);
}

function assertAsked({ model, options, lateLoras }: VllmState, asked: Body): void {
  const { model: name, token_ids: ids, sampling_params: params } = asked;
  if (name != null && lateLoras.has(name)) {
    throw new FakeError(500, `Loading lora ${name} failed`, "InternalServerError");
  }
  if (name != null && name !== options.served && !model.adapters.has(name)) {
    const message = `The model \`${name}\` does not exist. Valid aliases: ${options.served}.`;
    throw new FakeError(404, message, "NotFoundError", "model");
  }
  const refuse = (message: string, param: string | null = null): never => {
    throw new FakeError(400, message, "BadRequestError", param);
  };
  const { vocabSize, maxModelLen } = model.info;
  const unknown = ids.find((one) => one >= vocabSize);
  if (unknown !== undefined) refuse(`Token id ${unknown} is out of vocabulary`);
  if (ids.length >= maxModelLen) {
    refuse(
      `The decoder prompt (length ${ids.length}) is longer than the maximum model length of ${maxModelLen}. ` +
        "Make sure that `max_model_len` is no smaller than the number of text tokens.",
    );
  }
  const salt = asked.cache_salt ?? "";
  if (salt.length > 128 || /[@/\\\0]/.test(salt)) {
    refuse(
      "Parameter 'cache_salt' must be at most 128 characters and must not contain '@', '/', '\\\\', or NUL. " +
        "(parameter=cache_salt)",
      "cache_salt",
    );
  }
  const wrong = (name: string, what: string, value: unknown) =>
    refuse(`${name} must be ${what}, got ${value}. (parameter=${name}, value=${value})`, name);
  const { temperature, top_p: topP, max_tokens: maxTokens, min_tokens: minTokens } = params;
  if (temperature < 0) wrong("temperature", "non-negative", temperature.toFixed(1));
  if (temperature > 2) wrong("temperature", "in [0, 2]", temperature);
  if (!(topP > 0 && topP <= 1)) wrong("top_p", "in (0, 1]", topP);
  if (maxTokens != null && maxTokens < 1) wrong("max_tokens", "at least 1", maxTokens);
  if (maxTokens != null && minTokens > maxTokens) {
    refuse(`min_tokens must be less than or equal to max_tokens=${maxTokens}, got ${minTokens}.`);
  }
  for (const name of ["logprobs", "prompt_logprobs"] as const) {
    const wanted = params[name] ?? 0;
    if (wanted > MAX_LOGPROBS) {
      refuse(
        `Requested sample ${name} of ${wanted}, which is greater than max allowed: ${MAX_LOGPROBS} ` +
          `(parameter=${name}, value=${wanted})`,
        name,
      );
    }
  }
  for (const [name, given] of [
    ["logit_bias", Object.keys(params.logit_bias ?? {}).map(Number)],
    ["stop_token_ids", params.stop_token_ids ?? []],
    ["allowed_token_ids", params.allowed_token_ids ?? []],
  ] as const) {
    const outside = given.filter((one) => one < 0 || one >= vocabSize);
    if (outside.length === 0) continue;
    refuse(
      `token_id(s) [${outside.join(", ")}] in ${name} contain out-of-vocab token ids. ` +
        `Vocabulary size: ${vocabSize}`,
      name,
    );
  }
  if (options.samplingMask && temperature <= 0) {
    refuse("sampling distribution replay requires temperature > 0");
  }
  if (options.samplingMask && params.top_k <= 0) {
    refuse(
      "sampling distribution replay requires top_k > 0 to bound sampling mask size, reduce transfer overhead, and avoid potential OOMs",
    );
  }
}

/** One sampled without a seed is like no other. */
let unseeded = 0x5eed_0000;

function submit({ model, options }: VllmState, asked: Body, requestId: string) {
  const { token_ids: ids, sampling_params: params } = asked;
  const room = model.info.maxModelLen - ids.length;
  const topLogprobs = Math.max(0, params.logprobs ?? 0);
  const { samplingMask } = options;
  const scored = params.prompt_logprobs != null;
  try {
    return model.submit({
      // Its own id is another: equal ids of callers run side by side.
      id: `${requestId}#${++requests}`,
      promptTokenIds: Uint32Array.from(ids),
      sampling: samplingOf(params, room),
      logprobMode: options.logprobsMode === "raw_logprobs" ? "raw" : "processed",
      cacheNamespace: asked.cache_salt ?? "",
      // Without its scheduling policy it is read over.
      priority: options.priorities ? asked.priority : 0,
      adapter: asked.model == null || asked.model === options.served ? null : asked.model,
      side:
        topLogprobs > 0 || samplingMask || scored
          ? { promptLogprobs: scored ? { start: 0 } : null, topLogprobs, samplingMask }
          : null,
    });
  } catch (error) {
    if (!(error instanceof PacelineError)) throw error;
    throw new FakeError(400, error.message);
  }
}

function samplingOf(params: Body["sampling_params"], room: number): Partial<CoreSampling> {
  return {
    maxNewTokens: Math.min(params.max_tokens ?? room, room),
    minNewTokens: params.min_tokens,
    temperature: params.temperature,
    topP: params.top_p,
    topK: Math.max(0, params.top_k),
    minP: params.min_p,
    presencePenalty: params.presence_penalty,
    frequencyPenalty: params.frequency_penalty,
    repetitionPenalty: params.repetition_penalty,
    stopTokenIds: params.stop_token_ids ?? [],
    ignoreEos: params.ignore_eos,
    seed: params.seed ?? ++unseeded,
    logitBias: Object.entries(params.logit_bias ?? {}).map(([token, bias]) => [
      Number(token),
      bias,
    ]),
    allowedTokenIds: params.allowed_token_ids ?? [],
  };
}

async function whole(
  state: VllmState,
  asked: Body,
  requestId: string,
  { reply }: FakeCall,
  parts: AsyncIterable<FakePart>,
): Promise<void> {
  const all = await Array.fromAsync(parts);
  const tokens = all.filter((part) => part.type === "tokens");
  const finish = all.find((part) => part.type === "finished");
  if (finish === undefined) throw coreDead();
  counted(state, finish);
  const prompt = all.find((part) => part.type === "prompt");
  reply.json(200, {
    request_id: requestId,
    model: asked.model ?? state.options.served,
    created: Math.floor(Date.now() / 1_000),
    usage: usageOf(asked, finish.made, cachedOf(state, finish)),
    prompt_logprobs: prompt === undefined ? null : promptLogprobs(asked.token_ids, prompt.logprobs),
    prompt_token_id_logprobs: null,
    prompt_token_ids: asked.return_token_ids === true ? asked.token_ids : null,
    mm_placeholders: null,
    metrics: null,
    kv_transfer_params: null,
    ec_transfer_params: null,
    output_mode: "tokens",
    choices: [choiceOf(asked, tokens, finish, expertsOf(state, asked, tokens))],
  });
}

async function stream(
  state: VllmState,
  asked: Body,
  requestId: string,
  { reply }: FakeCall,
  parts: AsyncIterable<FakePart>,
): Promise<void> {
  const { stream_options: options } = asked;
  let held: FakeTokens | null = null;
  let first = true;
  let made = 0;
  let cached: number | null = null;
  const all: FakeTokens[] = [];
  const send = (tokens: FakeTokens | null, finish: FakeFinish | null): void => {
    made = tokens?.made ?? made;
    const chunk = {
      request_id: requestId,
      usage: options?.continuous_usage_stats === true ? usageOf(asked, made, null) : null,
      // In the first chunk only; left out of all others.
      ...(first && asked.return_token_ids === true ? { prompt_token_ids: asked.token_ids } : {}),
      output_mode: "tokens",
      choices: [
        choiceOf(
          asked,
          tokens === null ? [] : [tokens],
          finish,
          finish === null ? null : expertsOf(state, asked, all),
        ),
      ],
    };
    first = false;
    reply.event(chunk, made, finish !== null);
  };
  for await (const part of parts) {
    if (part.type === "tokens") {
      all.push(part);
      // The last tokens and the finish come together.
      if (part.last) held = part;
      else send(part, null);
    } else if (part.type === "finished") {
      cached = cachedOf(state, part);
      counted(state, part);
      send(held, part);
      held = null;
    }
  }
  if (held !== null) send(held, null);
  if (options?.include_usage === true) {
    const usage = told(usageOf(asked, made, cached));
    reply.event({ request_id: requestId, usage, output_mode: "tokens", choices: [] }, made, true);
  }
  reply.done();
}

/** Of all tokens but the last, which is not run forward, from the first wanted one of the prompt on. */
function expertsOf(
  { options: { experts } }: VllmState,
  { token_ids: prompt, sampling_params: params }: Body,
  tokens: readonly FakeTokens[],
): string | null {
  if (experts === null) return null;
  const made = tokens.flatMap(({ ids }) => ids.map(Number));
  const run = [...prompt, ...made].slice(params.routed_experts_prompt_start, -1);
  return npyFile(expertRows(run, experts), experts).toString("base64");
}

function choiceOf(
  asked: Body,
  tokens: readonly FakeTokens[],
  finish: FakeFinish | null,
  experts: string | null,
) {
  const ids = tokens.flatMap((part) => part.ids);
  const mask = tokens.flatMap((part) => part.mask ?? []);
  return {
    index: 0,
    finish_reason: finish === null ? null : finish.reason.type,
    stop_reason: finish === null ? null : stopReason(finish.reason),
    token_ids: ids,
    routed_experts: experts,
    sampling_mask: mask.length > 0 ? mask : null,
    weight_versions: finish === null ? null : finish.spans,
    logprobs: asked.sampling_params.logprobs == null ? null : { content: content(asked, tokens) },
  };
}

const stopReason = ({ cause, matched }: FinishReason): number | string | null =>
  cause === "stop_id" || cause === "stop_string" ? matched : null;

/** The sampled token first, then the most likely others: as many in all as were asked for, at least itself. */
function content(asked: Body, tokens: readonly FakeTokens[]): unknown[] {
  const wanted = Math.max(1, asked.sampling_params.logprobs ?? 0);
  return tokens.flatMap(({ ids, logprobs, top }) =>
    logprobs.map((logprob, at) => {
      const id = ids[at] as WireNumber;
      const row = top?.[at] ?? [];
      const ranked = row.map(([token_id, value], i) => ({ token_id, logprob: value, rank: i + 1 }));
      // Beyond what was asked for no rank is known here; the real one counts on.
      const rank = ranked.find(({ token_id }) => token_id === id)?.rank ?? row.length + 1;
      const own = { token_id: id, logprob, rank };
      const others = ranked.filter(({ token_id }) => token_id !== id);
      return { ...own, top_logprobs: [own, ...others].slice(0, wanted) };
    }),
  );
}

function promptLogprobs(ids: readonly number[], logprobs: Float32Array): unknown[] {
  return ids.map((id, at) =>
    at === 0
      ? null
      : { [id]: { logprob: logprobs[at], rank: 1, decoded_token: String.fromCharCode(id) } },
  );
}

/** `cached` null: not told. */
function usageOf({ token_ids: ids }: Body, made: number, cached: number | null) {
  return {
    prompt_tokens: ids.length,
    total_tokens: ids.length + made,
    completion_tokens: made,
    prompt_tokens_details:
      cached === null
        ? null
        : { cached_tokens: cached, created_cache_tokens: null, multimodal_tokens: null },
    completion_tokens_details: null,
  };
}

/** In a stream's last event what is null is left out. */
const told = (value: object): object =>
  Object.fromEntries(
    Object.entries(value)
      .filter(([, one]) => one !== null)
      .map(([key, one]) => [key, typeof one === "object" ? told(one) : one]),
  );

const cachedOf = ({ options }: VllmState, { cachedTokens }: FakeFinish): number | null =>
  options.promptTokensDetails ? cachedTokens : null;

function counted({ finished }: VllmState, { reason }: FakeFinish): void {
  finished.set(reason.type, (finished.get(reason.type) ?? 0) + 1);
}
