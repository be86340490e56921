/** `POST /v1/completions` of the fake, with token ids: unknown fields are refused, a closed socket ends the request. */
import { z } from "zod";
import { PacelineError } from "../../../server/contract/errors.ts";
import { distorted } from "../core/distorted.ts";
import type { FakeModel } from "../core/fake-model.ts";
import type { FakeFinish, FakePart, FakeTokens } from "../core/fake-output.ts";
import { type FakeCall, FakeError, type FakeRoute } from "../core/fake-server.ts";

export const COMPLETIONS = "POST /v1/completions";

const body = z.strictObject({
  model: z.string(),
  prompt: z.array(z.int().min(0)).min(1),
  max_tokens: z.int().min(1).nullish(),
  n: z.literal(1).default(1),
  logprobs: z.int().min(0).nullish(),
  temperature: z.number().min(0).default(1),
  top_p: z.number().default(1),
  top_k: z.int().default(0),
  min_p: z.number().default(0),
  seed: z.int().min(0).nullish(),
  stop_token_ids: z.array(z.int()).nullish(),
  include_stop_str_in_output: z.boolean().default(false),
  ignore_eos: z.boolean().default(false),
  min_tokens: z.int().default(0),
  skip_special_tokens: z.boolean().default(true),
  presence_penalty: z.number().default(0),
  frequency_penalty: z.number().default(0),
  repetition_penalty: z.number().default(1),
  logit_bias: z.record(z.string(), z.number()).nullish(),
  detokenize: z.boolean().default(true),
  add_special_tokens: z.boolean().default(true),
  stream: z.boolean().default(false),
  stream_options: z.strictObject({ include_usage: z.boolean().default(false) }).nullish(),
});

type Body = z.infer<typeof body>;

let requests = 0;

export function completionsRoute(model: FakeModel): FakeRoute {
  return async (call) => {
    const parsed = body.safeParse(call.body);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new FakeError(400, `body.${issue?.path.join(".")}: ${issue?.message}`);
    }
    const asked = parsed.data;
    const parts = submit(model, asked);
    call.left.addEventListener("abort", () => void parts.return?.());
    await (asked.stream ? stream : whole)(asked, call, distorted(parts, call.fault));
  };
}

function submit(model: FakeModel, asked: Body) {
  const { vocabSize, maxModelLen } = model.info;
  const { prompt } = asked;
  if (prompt.some((id) => id >= vocabSize)) throw new FakeError(400, "token id out of vocabulary");
  if (prompt.length >= maxModelLen) {
    throw new FakeError(400, `prompt length ${prompt.length} exceeds max_seq_len ${maxModelLen}`);
  }
  const room = maxModelLen - prompt.length;
  try {
    return model.submit({
      id: `trtllm-${++requests}`,
      promptTokenIds: Uint32Array.from(prompt),
      sampling: {
        maxNewTokens: Math.min(asked.max_tokens ?? room, room),
        minNewTokens: asked.min_tokens,
        temperature: asked.temperature,
        topP: asked.top_p,
        topK: asked.top_k,
        minP: asked.min_p,
        presencePenalty: asked.presence_penalty,
        frequencyPenalty: asked.frequency_penalty,
        repetitionPenalty: asked.repetition_penalty,
        stopTokenIds: asked.stop_token_ids ?? [],
        ignoreEos: asked.ignore_eos,
        seed: asked.seed ?? 0,
        logitBias: Object.entries(asked.logit_bias ?? {}).map(([id, bias]) => [Number(id), bias]),
      },
    });
  } catch (error) {
    if (error instanceof PacelineError) throw new FakeError(400, error.message);
    throw error;
  }
}

async function whole(asked: Body, { reply }: FakeCall, parts: AsyncIterable<FakePart>) {
  const all = await Array.fromAsync(parts);
  const tokens = all.filter((part) => part.type === "tokens");
  const finish = all.find((part) => part.type === "finished") ?? null;
  const choices = [choiceOf(asked, tokens, finish)];
  const usage = usageOf(asked, finish?.made ?? 0, finish?.cachedTokens ?? 0);
  reply.json(200, { ...envelope(asked), choices, usage, prompt_token_ids: asked.prompt });
}

async function stream(asked: Body, { reply }: FakeCall, parts: AsyncIterable<FakePart>) {
  let held: FakeTokens | null = null;
  let made = 0;
  const send = (finish: FakeFinish | null): void => {
    made = held?.made ?? made;
    const choices = [choiceOf(asked, held === null ? [] : [held], finish)];
    reply.event({ ...envelope(asked), choices, usage: null }, made, finish !== null);
    held = null;
  };
  for await (const part of parts) {
    if (part.type === "tokens") {
      if (held !== null) send(null);
      held = part;
    }
    if (part.type !== "finished") continue;
    send(part);
    if (asked.stream_options?.include_usage !== true) continue;
    const usage = usageOf(asked, part.made, part.cachedTokens);
    reply.event({ ...envelope(asked), choices: [], usage }, made, true);
  }
  // Behind the finish, of a fault.
  if (held !== null) send(null);
  reply.done();
}

const envelope = ({ model }: Body) => ({
  id: "cmpl-fake",
  object: "text_completion",
  created: 1_790_000_000,
  model,
});

function choiceOf(asked: Body, tokens: readonly FakeTokens[], finish: FakeFinish | null) {
  const all = tokens.flatMap((part) => part.ids);
  const scores = tokens.flatMap((part) => part.logprobs);
  // The token that stopped it is left out unless it was asked for.
  const stopped = finish?.reason.type === "stop" && !asked.include_stop_str_in_output;
  const ids = stopped ? all.slice(0, -1) : all;
  const token_logprobs = stopped ? scores.slice(0, -1) : scores;
  const texts = token_logprobs.map(() => "");
  return {
    index: 0,
    text: "",
    token_ids: asked.detokenize ? null : ids,
    logprobs: asked.logprobs
      ? { text_offset: [], token_logprobs, tokens: texts, top_logprobs: [] }
      : null,
    context_logits: null,
    finish_reason: finish === null ? null : REASONS[finish.reason.type],
    stop_reason: finish?.reason.cause === "stop_id" ? finish.reason.matched : null,
    disaggregated_params: null,
    avg_decoded_tokens_per_iter: null,
  };
}

const REASONS = { stop: "stop", length: "length", abort: "cancelled" } as const;

const usageOf = ({ prompt }: Body, made: number, cached: number) => ({
  prompt_tokens: prompt.length,
  total_tokens: prompt.length + made,
  completion_tokens: made,
  prompt_tokens_details: { cached_tokens: cached },
});
