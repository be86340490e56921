/**
 * The body of SGLang's `/generate` as rollouts of the contract: one a prompt and sample, in the order of the reply
 * (prompts first, the `n` samples of each side by side). Fields and defaults: SGLang 0.5's `GenerateReqInput` and
 * `SamplingParams`. Text-only parameters (`skip_special_tokens`, …) are the reply's, `extra_key` and `cache_salt` are
 * accepted, as every prompt has a cache namespace of ours already.
 */
import { z } from "zod";
import { PacelineError } from "../../../contract/errors.ts";
import type { Rollout } from "../../../contract/rollout.ts";
import { LIMITS } from "../../../limits.ts";
import { check, invalid } from "../../codec/invalid.ts";
import { decodeRollout } from "../../codec/rollout.ts";
import { isLoaded } from "../adapters.ts";
import type { DialectContext } from "../dialect.ts";
import type { SessionTurns } from "../session-turns.ts";
import { renamed } from "./field-names.ts";
import { nativeSampling, type SamplingWish } from "./sampling.ts";
import { constraintOf } from "./weight-version.ts";

/** What the reply to one rollout holds beside the contract's Result. */
export interface ReplyWish extends SamplingWish {
  readonly rid: string;
  readonly logprobs: boolean;
  /** Prompt position from which on its logprobs are told; null: none. */
  readonly inputStart: number | null;
  readonly topLogprobs: number;
  /** Texts in place of the third `null` of each entry. */
  readonly texts: boolean;
  readonly promptIds: boolean;
}

export interface Member {
  readonly rollout: Rollout;
  readonly wish: ReplyWish;
}

export interface GenerateOrder {
  readonly members: readonly Member[];
  /** The reply is a list. */
  readonly list: boolean;
  readonly stream: boolean;
  /** Of a stream: chunks hold what is new, not what there is so far. */
  readonly incremental: boolean;
}

export interface OrderHeaders {
  readonly traceparent: string | null;
  /** Which trajectory it is of: its turns are kept near their KV. */
  readonly routingKey: string | null;
}

const ID = /^[A-Za-z0-9._:-]{1,128}$/;

const WHOLE = z.looseObject({
  stream: z.boolean().nullish(),
  incremental_streaming_output: z.boolean().nullish(),
  weight_version: z
    .strictObject({
      min_version: z.number().int().min(0).optional(),
      exact_version: z.number().int().min(0).optional(),
    })
    .nullish(),
});

const ITEM = z.looseObject({
  sampling_params: z.looseObject({}).nullish(),
  rid: z.string().nullish(),
  return_logprob: z.boolean().nullish(),
  logprob_start_len: z.number().int().min(-1).nullish(),
  top_logprobs_num: z.number().int().min(0).max(LIMITS.topLogprobs).nullish(),
  return_text_in_logprobs: z.boolean().nullish(),
  return_prompt_token_ids: z.boolean().nullish(),
  return_routed_experts: z.boolean().nullish(),
  routed_experts_start_len: z.number().int().min(0).nullish(),
  priority: z.number().int().nullish(),
  lora_path: z.string().nullish(),
});

/** Fields that a batch may give as a list, one entry a prompt. */
const PER_PROMPT = [
  "sampling_params",
  "rid",
  "return_logprob",
  "logprob_start_len",
  "top_logprobs_num",
  "lora_path",
  "priority",
] as const;

/** Known, and either read above or without an effect that a caller could miss. */
const READ = new Set<string>([
  ...Object.keys(ITEM.shape),
  ...Object.keys(WHOLE.shape),
  "text",
  "input_ids",
  "extra_key",
  "cache_salt",
  "session_id",
  "routing_key",
  "background",
  "log_metrics",
  "external_trace_header",
]);

/** Throws `invalid_argument` or `unsupported` with `details.path` in SGLang's names. */
export function decodeGenerate(
  body: unknown,
  context: DialectContext,
  headers: OrderHeaders,
  turns: SessionTurns,
): GenerateOrder {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw invalid("", "the body must be a JSON object");
  }
  const given: Record<string, unknown> = { ...body };
  refuseUnknown(given);
  const whole = check(WHOLE, given);
  const { prompts, list, path } = promptsOf(given, context);
  const version = constraintOf(whole.weight_version ?? null, context);
  const members: Member[] = [];
  let samples: number | null = null;
  for (const [index, promptTokenIds] of prompts.entries()) {
    const item = check(ITEM, itemOf(given, list ? index : null, prompts.length));
    const { sampling, n, ...wish } = nativeSampling(item.sampling_params ?? {});
    if (samples !== null && samples !== n) {
      throw invalid("sampling_params.n", "must be the same for all prompts of a batch");
    }
    samples = n;
    if (members.length + n > LIMITS.groupSize) {
      throw invalid("sampling_params.n", `a request makes at most ${LIMITS.groupSize} outputs`);
    }
    const siblings = n === 1 ? null : { id: context.mint.id(), seed: context.mint.seed() };
    for (let sample = 0; sample < n; sample++) {
      const rid = ridOf(item.rid ?? null, { list, index, n, sample, prompts: prompts.length });
      const asked = {
        ...(rid === null ? {} : { id: rid }),
        ...(item.lora_path == null ? {} : { policy: adapterNamed(context, item.lora_path) }),
        prompt_token_ids: promptTokenIds,
        sampling: siblings === null ? sampling : { seed: siblings.seed, ...sampling },
        ...(siblings === null ? {} : { group: { id: siblings.id, size: n, index: sample } }),
        ...(headers.routingKey === null || list || n > 1
          ? {}
          : { session: turns.of(context.job, headers.routingKey, rid) }),
        ...(version === null ? {} : { version }),
        // SGLang runs the higher number first.
        priority: -(item.priority ?? 0),
        want: wantOf(item, wish),
      };
      const rollout = decoded(asked, context, headers, list ? `${path}[${index}]` : path);
      members.push({ rollout, wish: { ...wish, ...replyWish(item), rid: rollout.id } });
    }
  }
  return {
    members,
    list: list || (samples ?? 1) > 1,
    stream: whole.stream ?? false,
    incremental: whole.incremental_streaming_output ?? false,
  };
}

/** Throws `invalid_argument`, in SGLang's words. */
function adapterNamed({ ledger }: DialectContext, name: string): string {
  if (ledger.policies().some((one) => one.policy === name && isLoaded(one))) return name;
  throw invalid("lora_path", `The following requested LoRA adapters are not loaded: ${name}`);
}

/** What asks for nothing (`null`, `false`, empty) may have any name; what asks for something that nobody here gives is refused (I6). */
function refuseUnknown(given: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(given)) {
    if (READ.has(name) || value === null || value === false || value === 0) continue;
    if (Array.isArray(value) && value.length === 0) continue;
    throw new PacelineError("unsupported", `${name}: no engine here is asked for this`, {
      details: { path: name },
    });
  }
}

function promptsOf(
  given: Readonly<Record<string, unknown>>,
  context: DialectContext,
): { prompts: unknown[]; list: boolean; path: string } {
  const { text = null, input_ids: ids = null } = given;
  if ((text === null) === (ids === null)) {
    throw invalid(
      ids === null ? "input_ids" : "text",
      "exactly one of text and input_ids is needed",
    );
  }
  if (ids !== null) {
    if (!Array.isArray(ids) || ids.length === 0) throw invalid("input_ids", "must hold token ids");
    const list = Array.isArray(ids[0]);
    return { prompts: list ? ids : [ids], list, path: "input_ids" };
  }
  const list = Array.isArray(text);
  const texts: unknown[] = list ? text : [text];
  if (texts.length === 0) throw invalid("text", "must not be empty");
  const codec = context.tokenizer();
  if (codec === null) {
    throw new PacelineError(
      "unsupported",
      `text: no tokenizer.json lies beside the weights of ${context.policy()}; input_ids need none`,
      { details: { path: "text" } },
    );
  }
  const prompts = texts.map((one, index) => {
    if (typeof one !== "string") throw invalid(list ? `text[${index}]` : "text", "must be text");
    return codec.encodePrompt(one);
  });
  return { prompts, list, path: "text" };
}

function itemOf(
  given: Readonly<Record<string, unknown>>,
  index: number | null,
  prompts: number,
): Record<string, unknown> {
  const item = { ...given };
  if (index === null) return item;
  for (const name of PER_PROMPT) {
    const value = given[name];
    if (!Array.isArray(value)) continue;
    if (value.length !== prompts) {
      throw invalid(name, `${value.length} entries for ${prompts} prompts`);
    }
    item[name] = value[index];
  }
  return item;
}

/** A batch with one id has `{id}_{place}`, as SGLang numbers them. */
function ridOf(
  rid: string | null,
  at: { list: boolean; index: number; n: number; sample: number; prompts: number },
): string | null {
  if (rid === null) return null;
  if (!ID.test(rid)) throw invalid("rid", "must match [A-Za-z0-9._:-]{1,128}");
  if (!at.list && at.n === 1) return rid;
  return `${rid}_${at.index * at.n + at.sample}`;
}

type Item = z.output<typeof ITEM>;

function replyWish(item: Item): Omit<ReplyWish, "rid" | keyof SamplingWish> {
  const logprobs = item.return_logprob ?? false;
  const start = item.logprob_start_len ?? -1;
  return {
    logprobs,
    inputStart: logprobs && start >= 0 ? start : null,
    topLogprobs: logprobs ? (item.top_logprobs_num ?? 0) : 0,
    texts: item.return_text_in_logprobs ?? false,
    promptIds: item.return_prompt_token_ids ?? false,
  };
}

function wantOf(item: Item, { samplingMask }: SamplingWish) {
  const { inputStart, topLogprobs } = replyWish(item);
  if (inputStart !== null && topLogprobs > 0) {
    throw new PacelineError(
      "unsupported",
      "top_logprobs_num: alternatives of prompt tokens are not served; leave out logprob_start_len",
      { details: { path: "top_logprobs_num" } },
    );
  }
  return {
    prompt_logprobs: inputStart === null ? null : { start: inputStart },
    top_logprobs: topLogprobs,
    ...(item.return_routed_experts === true
      ? { routed_experts: true, routed_experts_start: item.routed_experts_start_len ?? 0 }
      : {}),
    sampling_mask: samplingMask,
  };
}

function decoded(
  asked: unknown,
  { mint, job, policy }: DialectContext,
  { traceparent }: OrderHeaders,
  at: string,
): Rollout {
  try {
    return decodeRollout(asked, mint, { job, policy: policy(), traceparent }).rollout;
  } catch (thrown) {
    throw renamed(thrown, at);
  }
}
