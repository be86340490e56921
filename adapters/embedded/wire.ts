/**
 * The embedded engine's wire: HTTP/1.1 on loopback, JSON in, binary frames out. Both ends import this
 * file; nothing else knows the layout. All numbers are little-endian.
 *
 * `POST /generate` takes `GenerateBody` as JSON. Token ids travel in it as base64 of u32[]. What is
 * refused before the first frame is an HTTP error with `{"error": ErrorBody}`. Otherwise the answer is
 * 200, `content-type: application/x-paceline-frames`, and a run of frames without anything between them:
 *
 *   offset  size  header
 *   0       u32   payload bytes: a multiple of 4, at most LIMITS.engineFrameBytes
 *   4       u8    type: 1 started, 2 tokens, 3 finished, 4 error, 5 prompt, 6 experts
 *   5       u8    flags of a tokens frame: bit 0 = mixed, bit 1 = top, bit 2 = mask; all others zero
 *   6       u8×2  zero
 *
 *   started (payload 4 bytes)               at most once, before any tokens
 *   8       u32   cached tokens: how much of prompt and continuation came from cached KV
 *
 *   prompt (payload 16 + 4·count bytes)     only if wanted: after started, before any tokens
 *   8       u32   prompt position of the first entry; the first frame's is what was asked for, others go on
 *   12      u32   count, at least 1; the frames together reach the prompt's end
 *   16      u64   version of the weights that computed them: the same in all frames
 *   24      f32×count   raw logprob of each prompt token; NaN for the prompt's first token
 *
 *   tokens (payload 16 + 8·count bytes, and the rows that its flags name)
 *   8       u32   start: output position of the first token, those of the request's continuation counted
 *   12      u32   count, at least 1
 *   16      u64   version of the weights that made all of these tokens, below 2^53
 *   mixed: KV of an older version was attended to for all of these tokens; without it, for none
 *   24      u32×count   token ids
 *   24+4·count  f32×count   logprobs
 *   top: what is most likely at each position, with n = the last offset
 *   …       u32×(count+1) offsets of rows, from 0 · u32×n token ids · f32×n logprobs
 *   mask: the ids that the filters left at each position, ascending, with n = the last offset
 *   …       u32×(count+1) offsets of rows, from 0 · u32×n token ids
 *   Where a request wants either, each of its tokens frames has it; where not, none has.
 *
 *   experts (payload 16 + bytes, filled up)  only if wanted: behind all tokens, before finished
 *   8       u32   bytes of this piece, at least 1
 *   12      u8    bytes of a value: 1 or 2 unsigned, 4 signed · u8×3 zero
 *   16      u32   layers
 *   20      u32   experts of a token in each layer
 *   24      values of one row a position, but for the last token's: [layers, experts]; the next piece goes on
 *
 *   finished                                exactly once, last
 *   8       JSON  `FinishedBody`, UTF-8, filled up with spaces to a multiple of 4
 *
 *   error                                   instead of finished
 *   8       JSON  `ErrorBody`, likewise
 *
 * Header and payloads are multiples of 4 so that arrays are aligned relative to the first frame; the
 * HTTP chunks and socket reads around them are not, so a reader copies each array once (memcpy, no
 * conversion). A stream that ends after anything but `finished` or `error` was cut.
 *
 * The other routes are plain JSON both ways (`InfoBody` and below), errors as above:
 *   GET /health   alive; answered without the compute thread, also during a long prefill
 *   GET /info     what a probe needs; answered by the compute thread between two steps, so that an
 *                 engine whose compute hangs does not look alive
 *   GET /telemetry
 *   POST /abort {request_id} · /pause {mode} · /resume · /flush
 *   POST /weights/stage {policy, version, path} · /swap {policy, version, kv} · /discard {policy, version}
 *   POST /update_weights {policy, version, path, kv?}  overwrites the serving weights in place, whoever asks, as vLLM's
 *       and SGLang's update calls do: for trainers that move weights themselves. `kv` as in swap, default keep
 *   POST /update_weight_version {policy, version}  gives them another name and nothing else, as vLLM's call does
 *   POST /faults  only engines started with them (the simulated one is): `FaultBody`
 *
 * While the engine is paused, `/generate` waits: no frame, not even a status, comes before the resume.
 */
import type { FinishReason, LogprobMode } from "../../server/contract/rollout.ts";
import type { Capabilities, Slot } from "../../server/contract/worker.ts";

/** Grows when an older reader would misread a newer writer. */
export const WIRE_VERSION = 1;

export const FRAMES_CONTENT_TYPE = "application/x-paceline-frames";

export const FRAME = {
  started: 1,
  tokens: 2,
  finished: 3,
  error: 4,
  prompt: 5,
  experts: 6,
} as const;

/** Flags of a tokens frame, in the header's sixth byte. */
export const MIXED = 1;
export const TOP = 2;
export const MASK = 4;

export const HEADER_BYTES = 8;
/** Before the values of an experts frame. */
export const EXPERTS_FIXED_BYTES = 16;
export const EXPERTS_WIDTHS = { uint8: 1, uint16: 2, int32: 4 } as const;
/** Start, count and version before the arrays of a tokens or a prompt frame. */
export const TOKENS_FIXED_BYTES = 16;
/** Bytes of experts in a frame at most. */
export const EXPERTS_PIECE_BYTES = 1024 * 1024;
/** Entries of either; a writer splits longer runs, to stay under LIMITS.engineFrameBytes. */
export const MAX_FRAME_TOKENS = 65_536;

export interface SamplingBody {
  max_new_tokens: number;
  min_new_tokens: number;
  temperature: number;
  top_p: number;
  top_k: number;
  min_p: number;
  presence_penalty: number;
  frequency_penalty: number;
  repetition_penalty: number;
  stop_token_ids: readonly number[];
  ignore_eos: boolean;
  seed: number;
  logit_bias: readonly (readonly [number, number])[];
  /** Base64 of little-endian u32; absent = all. */
  allowed_token_ids?: string;
  /** Sequences of token ids; absent = none. */
  bad_words?: readonly (readonly number[])[];
}

export interface GenerateBody {
  request_id: string;
  policy: string;
  /** Base64 of little-endian u32. */
  prompt_token_ids: string;
  output_token_ids: string;
  sampling: SamplingBody;
  sibling_index: number;
  logprob_mode: LogprobMode;
  cache_namespace: string;
  /** The namespace's blocks outlive a change of the weights; default false. */
  cache_carried?: boolean;
  priority: number;
  /** Prompt position from which on the prompt's logprobs are wanted. */
  prompt_logprobs?: number;
  /** Alternatives wanted at each output position, at least 1. */
  top_logprobs?: number;
  /** Whether the ids that survive the filters are wanted. */
  sampling_mask?: boolean;
  /** Position from which on routed experts are wanted; refused as `unsupported` by a dense model. */
  routed_experts?: number;
  /** Tokens per tokens frame after the first token; absent = the engine's own. */
  stream_interval?: number;
}

export type FinishedBody = FinishReason & { readonly cached_tokens: number };

export interface HeldBody {
  policy: string;
  version: number;
  load: number;
  /** Null where the engine was started without the means to show one. */
  digest: string | null;
}

export interface InfoBody {
  wire: number;
  kind: "embedded" | "simulated";
  engine_version: string;
  incarnation: string;
  model: string;
  dtype: string;
  parameters: number;
  max_model_len: number;
  vocab_size: number;
  eos_token_ids: readonly number[];
  slots: readonly Slot[];
  capabilities: Capabilities;
  paused: boolean;
  asleep: boolean;
  /** Weights in service; empty before the first swap. */
  held: readonly HeldBody[];
  stream_interval: number;
}

export interface TelemetryBody {
  running: number;
  waiting: number;
  kv_used_tokens: number;
  kv_total_tokens: number;
  output_tokens: number;
  prefill_tokens: number;
  steps: readonly { batch: number; seconds: number }[];
}

/**
 * What can go wrong on command. Those of a stream strike the next `count` requests that arrive, each
 * at its first tokens frame after `after_tokens` tokens:
 *   hang          no further frame; the socket stays open
 *   garbage       junk bytes between two frames
 *   oversize      a header that promises more than the limit
 *   misaligned    one logprob fewer than ids
 *   nan           a logprob that is not a number
 *   wrong_version frames from here on carry version + 1
 *   out_of_order  a frame that starts one token late
 *   cut           half a frame, then the socket is destroyed
 *   truncate      the reply ends properly, but without `finished`
 *   refuse        500 at /generate, whatever `after_tokens` says
 *   exit          the whole engine process dies
 *   freeze        the compute thread hangs: no stream and no probe moves
 * Those of the weights strike the next `count` calls: `stage`, `swap` (fails after serving stopped to
 * be trustworthy: the engine holds nothing), `digest` (stage and swap lie about what was read), and of `/update_weights`,
 * all of which answer as if all were well: `update_ignored` (takes the new name and keeps the old weights),
 * `update_other` (loads `path` instead), `update_partial` (leaves the tensors of every other layer as they were).
 * `slow` multiplies the step time by `factor` until it is set again.
 */
export const FAULT_KINDS = [
  "hang",
  "garbage",
  "oversize",
  "misaligned",
  "nan",
  "wrong_version",
  "out_of_order",
  "cut",
  "truncate",
  "refuse",
  "exit",
  "freeze",
  "stage",
  "swap",
  "digest",
  "update_ignored",
  "update_other",
  "update_partial",
  "slow",
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

export interface FaultBody {
  kind: FaultKind;
  /** Default 0: at the first tokens. */
  after_tokens?: number;
  /** Requests or calls that it strikes; default 1. */
  count?: number;
  /** Of `slow` only; default 10. */
  factor?: number;
  /** Of `update_other` only, and needed there. */
  path?: string | undefined;
}
