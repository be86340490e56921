/** Rollouts that every front refuses before anything is done, and what it says. */
import type { ErrorCode } from "../../../server/contract/errors.ts";

export interface RefusedRollout {
  readonly name: string;
  readonly body: unknown;
  readonly code: ErrorCode;
  /** `details.path`. */
  readonly path: string;
  /** Cannot be said in protobuf: types are fixed there and unknown fields dropped. */
  readonly jsonOnly?: true;
  /** Cannot be said in JSON. */
  readonly protoOnly?: true;
}

/** A good body with parts replaced. */
const body = (over: Record<string, unknown>): Record<string, unknown> => ({
  prompt_token_ids: [72, 105],
  sampling: { max_new_tokens: 4 },
  ...over,
});
const sampling = (over: Record<string, unknown>): Record<string, unknown> =>
  body({ sampling: { max_new_tokens: 4, ...over } });

const invalid = (
  name: string,
  path: string,
  refused: unknown,
  where: { jsonOnly?: true; protoOnly?: true } = {},
): RefusedRollout => ({ name, path, body: refused, code: "invalid_argument", ...where });

const JSON_ONLY = { jsonOnly: true } as const;
const PROTO_ONLY = { protoOnly: true } as const;

const SHAPES: readonly RefusedRollout[] = [
  invalid("an array for a body", "", [], JSON_ONLY),
  invalid("a string for a body", "", "hello", JSON_ONLY),
  invalid("nothing at all", "prompt_token_ids", {}),
  invalid("unknown field", "temperature", body({ temperature: 1 }), JSON_ONLY),
  invalid("unknown sampling field", "sampling.n", sampling({ n: 2 }), JSON_ONLY),
  invalid("unknown field in depth", "cache.reus", body({ cache: { reus: "x" } }), JSON_ONLY),
  invalid("number for an id", "id", body({ id: 7 }), JSON_ONLY),
  invalid("slash in an id", "id", body({ id: "a/b" })),
  invalid("empty id", "id", body({ id: "" })),
  invalid("id of 129 characters", "id", body({ id: "x".repeat(129) })),
  invalid("space in a job", "job", body({ job: "my job" })),
  invalid("unknown word", "resume", body({ resume: "maybe" }), JSON_ONLY),
  invalid("unknown enum number", "resume", body({ resume: 99 }), PROTO_ONLY),
  invalid("fraction for a priority", "priority", body({ priority: 0.5 }), JSON_ONLY),
  invalid("timeout of zero", "timeout_ms", body({ timeout_ms: 0 })),
];

const TOKENS: readonly RefusedRollout[] = [
  invalid("no prompt", "prompt_token_ids", { sampling: { max_new_tokens: 4 } }),
  invalid("empty prompt", "prompt_token_ids", body({ prompt_token_ids: [] })),
  invalid("text for a prompt", "prompt_token_ids", body({ prompt_token_ids: "Hi" }), JSON_ONLY),
  invalid("negative id", "prompt_token_ids[1]", body({ prompt_token_ids: [1, -1] }), JSON_ONLY),
  invalid("fraction as id", "prompt_token_ids[0]", body({ prompt_token_ids: [1.5] }), JSON_ONLY),
  invalid("text as id", "prompt_token_ids[2]", body({ prompt_token_ids: [1, 2, "3"] }), JSON_ONLY),
  invalid("null as id", "prompt_token_ids[0]", body({ prompt_token_ids: [null] }), JSON_ONLY),
  invalid("id of 2^32", "prompt_token_ids[0]", body({ prompt_token_ids: [2 ** 32] }), JSON_ONLY),
  invalid("nested ids", "prompt_token_ids[0]", body({ prompt_token_ids: [[1]] }), JSON_ONLY),
  invalid(
    "b64 without encoding",
    "prompt_token_ids",
    body({ prompt_token_ids: "AQAAAA==" }),
    JSON_ONLY,
  ),
  invalid("numbers with b64", "prompt_token_ids", body({ encoding: "b64" }), JSON_ONLY),
  invalid(
    "b64 of five bytes",
    "prompt_token_ids",
    body({ encoding: "b64", prompt_token_ids: "AQAAAAE=" }),
    JSON_ONLY,
  ),
  invalid(
    "b64 with foreign characters",
    "prompt_token_ids",
    body({ encoding: "b64", prompt_token_ids: "AQA*AA==" }),
    JSON_ONLY,
  ),
];

const LIMITED: readonly RefusedRollout[] = [
  invalid("no limit", "sampling.max_new_tokens", body({ sampling: {} })),
  invalid("no sampling", "sampling", { prompt_token_ids: [1] }, JSON_ONLY),
  invalid("negative limit", "sampling.max_new_tokens", sampling({ max_new_tokens: -1 }), JSON_ONLY),
  invalid(
    "fraction as limit",
    "sampling.max_new_tokens",
    sampling({ max_new_tokens: 1.5 }),
    JSON_ONLY,
  ),
  invalid("text as limit", "sampling.max_new_tokens", sampling({ max_new_tokens: "4" }), JSON_ONLY),
  invalid("limit beyond ours", "sampling.max_new_tokens", sampling({ max_new_tokens: 4_000_000 })),
  invalid(
    "total that the prompt fills",
    "sampling.max_total_tokens",
    body({ sampling: { max_total_tokens: 2 } }),
  ),
  invalid("nothing asked for", "sampling.max_new_tokens", sampling({ max_new_tokens: 0 })),
  invalid("minimum above the limit", "sampling.min_new_tokens", sampling({ min_new_tokens: 5 })),
];

const SAMPLING: readonly RefusedRollout[] = [
  invalid("negative temperature", "sampling.temperature", sampling({ temperature: -0.5 })),
  invalid("NaN", "sampling.temperature", sampling({ temperature: Number.NaN }), PROTO_ONLY),
  invalid("infinity", "sampling.top_p", sampling({ top_p: Number.POSITIVE_INFINITY }), PROTO_ONLY),
  invalid("text as temperature", "sampling.temperature", sampling({ temperature: "1" }), JSON_ONLY),
  invalid("top_p of 0", "sampling.top_p", sampling({ top_p: 0 })),
  invalid("top_p above 1", "sampling.top_p", sampling({ top_p: 1.5 })),
  invalid("top_k below -1", "sampling.top_k", sampling({ top_k: -2 })),
  invalid("min_p above 1", "sampling.min_p", sampling({ min_p: 2 })),
  invalid("penalty out of range", "sampling.presence_penalty", sampling({ presence_penalty: 3 })),
  invalid(
    "no repetition at all",
    "sampling.repetition_penalty",
    sampling({ repetition_penalty: 0 }),
  ),
  invalid("seed of 2^53", "sampling.seed", sampling({ seed: 2 ** 53 })),
  invalid("negative seed", "sampling.seed", sampling({ seed: -1 }), JSON_ONLY),
  invalid("empty stop string", "sampling.stop[1]", sampling({ stop: ["a", ""] })),
  invalid("too many stop strings", "sampling.stop", sampling({ stop: Array(65).fill("x") })),
  invalid(
    "too many stop ids",
    "sampling.stop_token_ids",
    sampling({ stop_token_ids: Array(1_025).fill(1) }),
  ),
  invalid(
    "word as biased id",
    "sampling.logit_bias.x",
    sampling({ logit_bias: { x: 1 } }),
    JSON_ONLY,
  ),
  invalid("bias out of range", "sampling.logit_bias.5", sampling({ logit_bias: { "5": 101 } })),
];

const AROUND: readonly RefusedRollout[] = [
  invalid("two constraints", "version", body({ version: { min: 1, exact: 2 } }), JSON_ONLY),
  invalid("empty constraint", "version", body({ version: {} })),
  invalid("index beyond the group", "group.index", body({ group: { id: "g", size: 2, index: 2 } })),
  invalid("group of none", "group.size", body({ group: { id: "g", size: 0, index: 0 } })),
  invalid(
    "unknown mode",
    "want.logprob_modes[0]",
    body({ want: { logprob_modes: ["x"] } }),
    JSON_ONLY,
  ),
  invalid(
    "scores from behind the prompt",
    "want.prompt_logprobs.start",
    body({ want: { prompt_logprobs: { start: 2 } } }),
  ),
  invalid(
    "a reference to nothing",
    "want.side_by_ref",
    body({ want: { side_by_ref: true, top_logprobs: 0 } }),
  ),
  ...(["top_logprobs", "sampling_mask"] as const).map((name) =>
    invalid(
      `continuation with ${name}`,
      `want.${name}`,
      body({
        want: { [name]: name === "top_logprobs" ? 2 : true },
        continue: {
          output_token_ids: [1],
          logprobs: [-1],
          spans: [{ version: 1, start: 0, end: 1, kv: "pure", attested: "engine" }],
        },
      }),
    ),
  ),
  invalid(
    "continuation without logprobs",
    "continue.logprobs",
    body({ continue: { output_token_ids: [1], logprobs: [], spans: [] } }),
  ),
  invalid(
    "continuation with a gap",
    "continue.spans",
    body({ continue: { output_token_ids: [1], logprobs: [-1], spans: [] } }),
  ),
  invalid(
    "continuation that is done",
    "continue.output_token_ids",
    body({
      sampling: { max_new_tokens: 1 },
      continue: {
        output_token_ids: [1],
        logprobs: [-1],
        spans: [{ version: 1, start: 0, end: 1, kv: "pure", attested: "engine" }],
      },
    }),
  ),
  {
    name: "a feature that is not known",
    body: body({ required_features: ["sampling.min_p", "sampling.telepathy"] }),
    code: "unsupported",
    path: "required_features",
  },
  {
    name: "media",
    body: body({ media: [{ kind: "image", uri: "file:///x.png" }] }),
    code: "unsupported",
    path: "media",
  },
  {
    name: "delivery to a feed",
    body: body({ deliver: "feed" }),
    code: "unimplemented",
    path: "deliver",
  },
];

export const REFUSED_ROLLOUTS: readonly RefusedRollout[] = [
  ...SHAPES,
  ...TOKENS,
  ...LIMITED,
  ...SAMPLING,
  ...AROUND,
];
