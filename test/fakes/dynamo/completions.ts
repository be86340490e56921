/** `POST /v1/completions` of the fake: ids as prompt, the output's ids in `nvext`, logprobs in the choice. */
import { z } from "zod";
import { PacelineError } from "../../../server/contract/errors.ts";
import { distorted } from "../core/distorted.ts";
import { expertRows, type FakeExperts } from "../core/experts.ts";
import type { FakeModel } from "../core/fake-model.ts";
import type { FakeFinish, FakeTokens } from "../core/fake-output.ts";
import { FakeError, type FakeRoute } from "../core/fake-server.ts";

export const COMPLETIONS = "POST /v1/completions";

const body = z.strictObject({
  model: z.string(),
  prompt: z.array(z.int().min(0)).min(1),
  max_tokens: z.int().min(1).default(16),
  min_tokens: z.int().default(0),
  temperature: z.number().default(1),
  top_p: z.number().default(1),
  top_k: z.int().default(0),
  min_p: z.number().default(0),
  presence_penalty: z.number().default(0),
  frequency_penalty: z.number().default(0),
  repetition_penalty: z.number().default(1),
  ignore_eos: z.boolean().default(false),
  seed: z.int().nullish(),
  stop_token_ids: z.array(z.int()).nullish(),
  logit_bias: z.record(z.string(), z.number()).nullish(),
  logprobs: z.int().nullish(),
  stream: z.literal(true),
  stream_options: z.looseObject({ include_usage: z.boolean().default(false) }).nullish(),
  nvext: z.looseObject({
    extra_fields: z.array(z.string()).default([]),
    cache_salt: z.string().nullish(),
  }),
});

type Body = z.infer<typeof body>;

let requests = 0;

export function completionsRoute(
  model: FakeModel,
  fleet: { readonly worker: number },
  experts: FakeExperts | null,
): FakeRoute {
  return async ({ body: given, fault, reply, left }) => {
    const parsed = body.safeParse(given);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new FakeError(400, `Unsupported parameter(s): ${issue?.path.join(".")}`);
    }
    const asked = parsed.data;
    const parts = submit(model, asked);
    left.addEventListener("abort", () => void parts.return?.());
    let made = 0;
    const ids: number[] = [];
    let held: FakeTokens | null = null;
    const send = (finish: FakeFinish | null): void => {
      made = held?.made ?? made;
      const worker_id = { decode_worker_id: fleet.worker, decode_dp_rank: 0 };
      const told = finish?.reason.cause === "stop_id" ? { stop_reason: finish.reason.matched } : {};
      const told_experts =
        finish === null || experts === null || !asked.nvext.extra_fields.includes("routed_experts")
          ? {}
          : { routed_experts: expertsObject([...asked.prompt, ...ids].slice(0, -1), experts) };
      const nvext = { completion_token_ids: held?.ids ?? [], worker_id, ...told, ...told_experts };
      const choices = [choiceOf(held, finish)];
      reply.event({ ...envelope(asked), choices, usage: null, nvext }, made, finish !== null);
      held = null;
    };
    for await (const part of distorted(parts, fault)) {
      if (part.type === "tokens") {
        if (held !== null) send(null);
        held = part;
        ids.push(...part.ids.map(Number));
      }
      if (part.type !== "finished") continue;
      send(part);
      const usage = usageOf(asked, part);
      reply.event({ ...envelope(asked), choices: [], usage }, made, true);
    }
    if (held !== null) send(null);
    reply.done();
  };
}

function expertsObject(ids: readonly number[], shape: FakeExperts) {
  const { layers, perToken, dtype } = shape;
  const data = expertRows(ids, shape).toString("base64");
  return { data, shape: [ids.length, layers, perToken], start: 0, dtype };
}

function submit(model: FakeModel, asked: Body) {
  try {
    return model.submit({
      id: `dynamo-${++requests}`,
      promptTokenIds: Uint32Array.from(asked.prompt),
      cacheNamespace: asked.nvext.cache_salt ?? "",
      sampling: {
        maxNewTokens: asked.max_tokens,
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

const envelope = ({ model }: Body) => ({
  id: "cmpl-fake",
  object: "text_completion",
  created: 1_790_000_000,
  model,
});

function choiceOf(tokens: FakeTokens | null, finish: FakeFinish | null) {
  const token_logprobs = tokens?.logprobs ?? [];
  const logprobs = { tokens: token_logprobs.map(() => ""), token_logprobs, top_logprobs: [] };
  const finish_reason = finish === null ? null : REASONS[finish.reason.type];
  return { index: 0, text: "", logprobs, finish_reason };
}

const REASONS = { stop: "stop", length: "length", abort: "cancelled" } as const;

const usageOf = ({ prompt }: Body, { made, cachedTokens }: FakeFinish) => ({
  prompt_tokens: prompt.length,
  completion_tokens: made,
  total_tokens: prompt.length + made,
  prompt_tokens_details: { cached_tokens: cachedTokens },
});
