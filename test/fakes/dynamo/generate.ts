/** `POST /generate` of the fake: SGLang's native request, streamed only. */
import { z } from "zod";
import { PacelineError } from "../../../server/contract/errors.ts";
import { distorted } from "../core/distorted.ts";
import type { FakeModel } from "../core/fake-model.ts";
import type { FakeFinish, FakePart, FakeTokens, WireNumber } from "../core/fake-output.ts";
import { FakeError, type FakeRoute } from "../core/fake-server.ts";

export const GENERATE = "POST /generate";

const body = z.looseObject({
  rid: z.string().optional(),
  input_ids: z.array(z.int().min(0)).min(1, "input_ids must be a non-empty token list"),
  sampling_params: z.looseObject({
    max_new_tokens: z.int().min(1).default(128),
    min_new_tokens: z.int().default(0),
    temperature: z.number().default(1),
    top_p: z.number().default(1),
    top_k: z.int().default(-1),
    min_p: z.number().default(0),
    presence_penalty: z.number().default(0),
    frequency_penalty: z.number().default(0),
    stop_token_ids: z.array(z.int()).nullish(),
    ignore_eos: z.boolean().default(false),
    n: z.literal(1).default(1),
  }),
  stream: z.boolean().default(false),
  extra_key: z.string().nullish(),
});

type Body = z.infer<typeof body>;

let requests = 0;
/** One sampled without a seed is like no other. */
let unseeded = 0x5eed_0000;

export function generateRoute(model: FakeModel, cumulative: boolean): FakeRoute {
  return async ({ body: given, fault, reply, left }) => {
    const parsed = body.safeParse(given);
    if (!parsed.success) throw new FakeError(400, parsed.error.issues[0]?.message ?? "bad");
    const asked = parsed.data;
    if (!asked.stream) throw new FakeError(501, "only stream: true is supported");
    const parts = submit(model, asked);
    left.addEventListener("abort", () => void parts.return?.());
    const ids: WireNumber[] = [];
    const pairs: unknown[] = [];
    let sent = 0;
    let counted = 0;
    let made = 0;
    const send = (finish: FakeFinish | null): void => {
      const [first, firstPair] = cumulative ? [0, 0] : [sent, counted];
      const meta_info = {
        id: fault?.kind === "other_id" ? "other" : (asked.rid ?? "r"),
        finish_reason: finish === null ? null : reasonOf(finish),
        prompt_tokens: asked.input_ids.length,
        completion_tokens: made,
        cached_tokens: finish?.cachedTokens ?? 0,
        output_token_logprobs: pairs.slice(firstPair),
      };
      reply.event({ output_ids: ids.slice(first), meta_info }, ids.length, finish !== null);
      sent = ids.length;
      counted = pairs.length;
    };
    const add = ({ ids: more, logprobs, made: all }: FakeTokens): void => {
      made = all;
      ids.push(...more);
      pairs.push(...logprobs.map((logprob, i) => [logprob, more[i], null]));
    };
    let held: FakeTokens | null = null;
    for await (const part of distorted(parts, fault)) {
      if (part.type === "tokens") {
        if (held !== null) send(null);
        add(part);
        held = part;
      } else if (part.type === "finished") {
        send(part);
        held = null;
      }
    }
    if (held !== null) send(null);
    reply.done();
  };
}

function submit(model: FakeModel, { input_ids: ids, sampling_params: params, extra_key }: Body) {
  try {
    return model.submit({
      id: `dynamo-${++requests}`,
      promptTokenIds: Uint32Array.from(ids),
      cacheNamespace: extra_key ?? "",
      sampling: {
        maxNewTokens: params.max_new_tokens,
        minNewTokens: params.min_new_tokens,
        temperature: params.temperature,
        topP: params.top_p,
        topK: Math.max(0, params.top_k),
        minP: params.min_p,
        presencePenalty: params.presence_penalty,
        frequencyPenalty: params.frequency_penalty,
        stopTokenIds: params.stop_token_ids ?? [],
        ignoreEos: params.ignore_eos,
        seed: ++unseeded,
      },
    });
  } catch (error) {
    if (error instanceof PacelineError) throw new FakeError(400, error.message);
    throw error;
  }
}

function reasonOf({ reason, made }: FakePart & { type: "finished" }) {
  switch (reason.type) {
    case "stop":
      return { type: "stop", matched: reason.matched };
    case "length":
      return { type: "length", length: made };
    default:
      return { type: "abort", message: "Aborted" };
  }
}
