/**
 * What reads the streams of other people's engines, against streams that are almost right, cut anywhere: events changed,
 * lost, doubled and swapped, bytes flipped. Whatever comes is a typed error or events that hold together, the same
 * however the bytes were parted.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { completionDecoder } from "../../adapters/completions/response.ts";
import { nativeChunks } from "../../adapters/dynamo/native.ts";
import { openaiChunks } from "../../adapters/dynamo/openai.ts";
import type { EngineEvent, EngineRequest } from "../../adapters/engine.ts";
import type { ReplyDecoder } from "../../adapters/http/event-stream.ts";
import { ReplyReader } from "../../adapters/sglang/response.ts";
import { TRTLLM_CHUNKS } from "../../adapters/trtllm/chunk.ts";
import { streamDecoder } from "../../adapters/vllm/response.ts";
import { PacelineError } from "../../server/contract/errors.ts";
import { factsOf } from "../adapters/sglang/facts.ts";
import { requestOf } from "../conformance/engines/attempt.ts";
import type { Target } from "./campaign.ts";
import { type Mutation, mutatedJson, mutations } from "./json-mutation.ts";

const TOKENS = 6;
const IDS = [1397, 346, 1202, 488, 7, 49];
const LOGPROBS = [-7.5556488037109375, -0.25, -1e-7, -12, -0.5, -3.25];

interface Wire {
  /** Bodies of a stream that is right. */
  readonly events: readonly unknown[];
  decoder(emit: (event: EngineEvent) => void): ReplyDecoder;
}

const SIDE = { promptLogprobs: null, topLogprobs: 2, samplingMask: false };

const request = (side: EngineRequest["side"] = null): EngineRequest =>
  requestOf({ requestId: "my-req-1", side, sampling: { maxNewTokens: TOKENS } });

const SPANS = [{ version: "default@1#1", start: 0, end: TOKENS }];

const each = <T>(event: (at: number, last: boolean) => T): T[] =>
  IDS.map((_, at) => event(at, at === TOKENS - 1));

const usage = (tokens: number) => ({
  prompt_tokens: 4,
  total_tokens: 4 + tokens,
  completion_tokens: tokens,
  prompt_tokens_details: { cached_tokens: 2 },
});

function vllmEvents(width: number): unknown[] {
  const entry = (at: number) => ({ token_id: IDS[at], logprob: LOGPROBS[at], rank: 3 });
  const events: unknown[] = each((at, last) => ({
    request_id: "generate-tokens-my-req-1",
    usage: null,
    output_mode: "tokens",
    choices: [
      {
        index: 0,
        finish_reason: last ? "length" : null,
        stop_reason: null,
        token_ids: [IDS[at]],
        routed_experts: null,
        sampling_mask: null,
        weight_versions: last ? SPANS : null,
        logprobs: {
          content: [
            {
              ...entry(at),
              top_logprobs: [entry(at), { token_id: 5, logprob: -9999, rank: 9 }].slice(0, width),
            },
          ],
        },
      },
    ],
  }));
  events.push({
    request_id: "generate-tokens-my-req-1",
    usage: usage(TOKENS),
    output_mode: "tokens",
    choices: [],
  });
  return events;
}

function sglangEvents(incremental: boolean, top: boolean): unknown[] {
  return each((at, last) => {
    const from = incremental ? at : 0;
    const told = IDS.slice(from, at + 1);
    const pairs = told.map((id, i) => [LOGPROBS[from + i], id, null]);
    return {
      text: "x",
      output_ids: told,
      meta_info: {
        id: "my-req-1",
        finish_reason: last ? { type: "length", length: TOKENS } : null,
        prompt_tokens: 4,
        weight_version: "default@1#1",
        num_retractions: 0,
        input_token_logprobs: [],
        output_token_logprobs: pairs,
        output_token_logprobs_length: pairs.length,
        ...(top
          ? {
              input_top_logprobs: [],
              output_top_logprobs: pairs.map((pair) => [pair, [-20, 9, null]]),
            }
          : {}),
        reasoning_tokens: 0,
        completion_tokens: at + 1,
        cached_tokens: 2,
        ...(last ? { weight_versions: SPANS, dp_rank: null, e2e_latency: 0.125 } : {}),
      },
    };
  });
}

const completions = (nvext: boolean): unknown[] =>
  each((at, last) => ({
    id: "cmpl-1",
    object: "text_completion",
    created: 1,
    model: "tiny",
    choices: [
      {
        index: 0,
        text: "x",
        token_ids: nvext ? null : [IDS[at]],
        logprobs: {
          text_offset: [0],
          token_logprobs: [LOGPROBS[at]],
          tokens: ["x"],
          top_logprobs: [],
        },
        finish_reason: last ? "length" : null,
        stop_reason: null,
      },
    ],
    usage: last ? usage(TOKENS) : null,
    ...(nvext
      ? {
          nvext: {
            completion_token_ids: [IDS[at]],
            worker_id: { decode_worker_id: 7587888160958628000 },
          },
        }
      : {}),
  }));

const WIRES: Readonly<Record<string, Wire>> = {
  vllm: { events: vllmEvents(1), decoder: (emit) => streamDecoder(request(), emit) },
  "vllm with alternatives": {
    events: vllmEvents(2),
    decoder: (emit) => streamDecoder(request(SIDE), emit),
  },
  "sglang in increments": sglang(true, null),
  "sglang in increments, with alternatives": sglang(true, SIDE),
  "sglang cumulative": sglang(false, null),
  "sglang cumulative, with alternatives": sglang(false, SIDE),
  trtllm: {
    events: completions(false),
    decoder: (emit) => completionDecoder(request(), TRTLLM_CHUNKS, emit),
  },
  "dynamo completions": {
    events: completions(true),
    decoder: (emit) =>
      completionDecoder(
        request(),
        openaiChunks(() => {}),
        emit,
      ),
  },
  "dynamo generate": {
    events: sglangEvents(false, false),
    decoder: (emit) => completionDecoder(request(), nativeChunks(request().requestId), emit),
  },
};

function sglang(incremental: boolean, side: EngineRequest["side"]): Wire {
  const facts = factsOf({ incremental, logprobMode: "processed" });
  return {
    events: sglangEvents(incremental, side !== null),
    decoder: (emit) => new ReplyReader({ request: request(side), facts, abort: () => {} }, emit),
  };
}

const NAMES = Object.keys(WIRES);

interface StreamInput {
  readonly wire: string;
  readonly bytes: Buffer;
  readonly cuts: readonly number[];
}

interface Draft {
  readonly wire: number;
  /** Where something is done to an event, and what: its JSON, or its place. */
  readonly at: number;
  readonly changes: readonly Mutation[];
  readonly order: "as it is" | "drop" | "double" | "swap";
  readonly ends: "done" | "undone" | "twice" | "crlf";
  readonly flips: readonly (readonly [at: number, value: number])[];
  readonly cuts: readonly number[];
}

const draft: fc.Arbitrary<Draft> = fc.record({
  wire: fc.nat(NAMES.length - 1),
  at: fc.nat(TOKENS),
  changes: mutations,
  order: fc.constantFrom("as it is", "as it is", "as it is", "drop", "double", "swap"),
  ends: fc.constantFrom("done", "done", "done", "undone", "twice", "crlf"),
  flips: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(fc.tuple(fc.nat(20_000), fc.nat(255)), { maxLength: 2 }) },
  ),
  cuts: fc.array(fc.nat(4_000), { maxLength: 6 }),
});

function rendered({ wire, at, changes, order, ends, flips, cuts }: Draft): StreamInput {
  const name = NAMES[wire] as string;
  const texts = (WIRES[name] as Wire).events.map((event, i) =>
    i === at ? mutatedJson(event, changes) : JSON.stringify(event),
  );
  if (order === "drop") texts.splice(at, 1);
  if (order === "double") texts.splice(at, 0, texts[at] ?? "");
  if (order === "swap") texts.splice(at, 2, ...texts.slice(at, at + 2).toReversed());
  const end = ends === "crlf" ? "\r\n\r\n" : "\n\n";
  const done = ends === "undone" ? "" : `data: [DONE]${end}`.repeat(ends === "twice" ? 2 : 1);
  const bytes = Buffer.from(texts.map((text) => `data: ${text}${end}`).join("") + done);
  for (const [place, value] of flips) bytes[place % bytes.length] = value;
  return { wire: name, bytes, cuts: cuts.toSorted((a, b) => a - b) };
}

interface Heard {
  readonly words: readonly string[];
  readonly error: string | null;
}

/** Of what the contract's own errors are, those that an engine's stream may bring about. */
const BOUNDARIES: ReadonlySet<string> = new Set(["engine", "client", "admission", "routing"]);

function hear({ wire, bytes, cuts }: StreamInput): Heard {
  const words: string[] = [];
  let made = 0;
  let over = false;
  const decoder = (WIRES[wire] as Wire).decoder((event) => {
    assert.ok(!over, "an event behind the finish");
    if (event.type === "tokens") {
      const { start, ids, logprobs } = event.chunk;
      assert.equal(start, made, "a gap, or tokens twice");
      assert.equal(ids.length, logprobs.length);
      const rows = event.side?.top;
      if (rows) assert.equal(rows.offsets.length, ids.length + 1);
      made += ids.length;
      for (const [i, id] of ids.entries()) words.push(`${id} ${logprobs[i]}`);
      assert.ok(made <= TOKENS, "more tokens than were asked for");
    } else if (event.type === "finished") {
      over = true;
      words.push(`finished ${JSON.stringify(event)}`);
      for (const span of event.versions ?? []) assert.ok(Number.isSafeInteger(span.version));
    } else words.push(JSON.stringify(event));
  });
  try {
    let from = 0;
    for (const to of [...cuts, bytes.length]) {
      // A copy: readers may move bytes about in what they are given.
      if (to > from) decoder.push(Uint8Array.from(bytes.subarray(from, to)));
      from = Math.max(from, to);
    }
    // It is told of the end only where it has not told of one itself.
    if (!over) decoder.end();
    assert.ok(over, "over without a finish");
    return { words, error: null };
  } catch (thrown) {
    if (!(thrown instanceof PacelineError)) throw thrown;
    // The reader has its finish; what is behind it cuts the connection only.
    if (over) return { words, error: null };
    assert.ok(BOUNDARIES.has(thrown.kind.boundary), `${thrown.code}: ${thrown.message}`);
    return { words, error: thrown.code };
  }
}

export const streamsTarget: Target<StreamInput> = {
  name: "streams",
  inputs: draft.map(rendered),
  shown: ({ wire, bytes, cuts }) => `${wire}, cut at ${cuts}:\n${bytes.toString("utf8")}`,
  open: async () => ({
    lane: () => async (input) => {
      const cut = hear(input);
      const whole = hear({ ...input, cuts: [] });
      assert.equal(cut.error, whole.error);
      assert.deepEqual(cut.words, whole.words);
    },
    healthy: async () => {
      // Each stream that is right is read to its end.
      for (const wire of NAMES) {
        const right = rendered({
          wire: NAMES.indexOf(wire),
          at: TOKENS + 1,
          changes: [],
          order: "as it is",
          ends: "done",
          flips: [],
          cuts: [],
        });
        const { words, error } = hear(right);
        assert.equal(error, null, wire);
        assert.equal(words.filter((word) => /^\d+ /.test(word)).length, TOKENS, wire);
      }
    },
    close: async () => {},
  }),
};
