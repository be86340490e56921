import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { EngineEvent } from "../../../adapters/engine.ts";
import type { Facts } from "../../../adapters/sglang/facts.ts";
import { ReplyReader } from "../../../adapters/sglang/response.ts";
import { requestOf, type Wish } from "../../conformance/engines/attempt.ts";
import { factsOf } from "./facts.ts";

interface Told {
  readonly ids?: readonly number[];
  readonly total?: number;
  readonly meta?: Readonly<Record<string, unknown>>;
  readonly text?: string;
}

const RID = "r-1";
const lp = (id: number): number => -id / 8;

/** One chunk as SGLang 0.5.23 writes it; `total`: tokens so far. */
function chunk({ ids = [], total = ids.length, meta = {}, text = "" }: Told): string {
  const body = {
    text,
    output_ids: ids,
    meta_info: {
      id: RID,
      finish_reason: null,
      prompt_tokens: 6,
      weight_version: "default@2#2",
      num_retractions: 0,
      queue_time: 0.00053,
      input_token_logprobs: [],
      output_token_logprobs: ids.map((id) => [lp(id), id, null]),
      output_token_logprobs_length: total,
      reasoning_tokens: 0,
      completion_tokens: total,
      cached_tokens: 4,
      cached_tokens_details: { device: 4, host: 0 },
      dp_rank: null,
      ...meta,
    },
  };
  return `data: ${JSON.stringify(body)}\n\n`;
}

const spans = (...list: (readonly [string, number, number])[]) => ({
  weight_versions: list.map(([version, start, end]) => ({ version, start, end })),
});
const length = (n: number) => ({ finish_reason: { type: "length", length: n } });
const DONE = "data: [DONE]\n\n";

interface Read {
  readonly events: EngineEvent[];
  readonly error: { code?: string; details?: Record<string, unknown>; message?: string } | null;
  readonly aborts: number;
}

/** `step`: bytes that the socket gives at once. */
function read(text: string, wish: Wish = {}, facts: Partial<Facts> = {}, step = 1e9): Read {
  const events: EngineEvent[] = [];
  let aborts = 0;
  const request = requestOf({ requestId: RID, ...wish });
  const context = { request, facts: factsOf(facts), abort: () => void aborts++ };
  const reader = new ReplyReader(context, (event) => events.push(event));
  const bytes = Buffer.from(text);
  try {
    for (let at = 0; at < bytes.length; at += step) reader.push(bytes.subarray(at, at + step));
    reader.end();
  } catch (error) {
    return { events, error: error as Read["error"], aborts };
  }
  return { events, error: null, aborts };
}

const idsOf = ({ events }: Read): number[] =>
  events.flatMap((event) => (event.type === "tokens" ? [...event.chunk.ids] : []));
const finishOf = ({ events }: Read) => events.find((event) => event.type === "finished");
const max = (maxNewTokens: number, more: object = {}): Wish => ({
  sampling: { maxNewTokens, ...more },
});

const INCREMENTAL =
  chunk({ ids: [5], total: 1, text: '"meta_info":{' }) +
  chunk({ ids: [6, 7], total: 3 }) +
  chunk({
    ids: [8],
    total: 4,
    meta: { ...length(4), ...spans(["default@1#1", 0, 2], ["default@2#2", 2, 4]) },
  }) +
  DONE;

const CUMULATIVE =
  chunk({ ids: [5], text: "a" }) +
  chunk({ ids: [5, 6, 7], text: "abc" }) +
  chunk({
    ids: [5, 6, 7, 8],
    text: "abcd",
    meta: { ...length(4), ...spans(["default@1#1", 0, 2], ["default@2#2", 2, 4]) },
  }) +
  DONE;

describe("SGLang: response", () => {
  test("its start comes before any token, whatever the socket cuts, also where it is told late what was cached", () => {
    const text =
      chunk({ ids: [5], total: 1, meta: { cached_tokens: null } }) +
      chunk({ ids: [6], total: 2, meta: length(2) }) +
      DONE;
    for (const step of [1, 7, 341, 1e9]) {
      const told = read(text, max(2), { incremental: true }, step);
      assert.equal(told.error, null);
      assert.deepEqual(told.events[0], { type: "started", cachedTokens: 0 });
      assert.equal(told.events.filter(({ type }) => type === "started").length, 1);
      const finish = told.events.at(-1);
      assert.ok(finish?.type === "finished" && finish.cachedTokens === 4);
    }
  });

  for (const [name, text, incremental] of [
    ["increments", INCREMENTAL, true],
    ["a server that repeats itself", CUMULATIVE, false],
    ["increments of a server that was taken for one that repeats itself", INCREMENTAL, false],
    ["repetitions of a server that was taken for an incremental one", CUMULATIVE, true],
  ] as const) {
    test(`${name}: each token once, versions at the end`, () => {
      for (const step of [1, 7, 1e9]) {
        const told = read(
          text,
          { ...max(6), outputTokenIds: Uint32Array.of(1, 2) },
          { incremental },
          step,
        );
        assert.equal(told.error, null);
        assert.deepEqual(told.events[0], { type: "started", cachedTokens: 4 });
        const chunks = told.events.flatMap((event) =>
          event.type === "tokens" ? [event.chunk] : [],
        );
        // Chunks that came together are told together.
        const apart = [
          [2, [5], [lp(5)]],
          [3, [6, 7], [lp(6), lp(7)]],
          [5, [8], [lp(8)]],
        ];
        const together = [[2, [5, 6, 7, 8], [5, 6, 7, 8].map(lp)]];
        assert.deepEqual(
          chunks.map(({ start, ids, logprobs }) => [start, [...ids], [...logprobs]]),
          step === 1e9 ? together : apart,
        );
        assert.ok(chunks.every(({ version, mixed }) => version === null && mixed === null));
        assert.deepEqual(finishOf(told), {
          type: "finished",
          reason: { type: "length", cause: "max_new", matched: null },
          cachedTokens: 4,
          versions: [
            { version: 1, start: 2, end: 4 },
            { version: 2, start: 4, end: 6 },
          ],
        });
      }
    });
  }

  test("causes: EOS, stop id, context, KV, an abort", () => {
    const end = (meta: object) =>
      chunk({ ids: [9], meta: { ...meta, ...spans(["default@1#1", 0, 1]) } }) + DONE;
    const reason = (text: string, wish: Wish) => {
      const { type, cause, matched } = finishOf(read(text, wish))?.reason ?? {};
      return [type, cause, matched];
    };
    const stop = end({ finish_reason: { type: "stop", matched: 9 } });
    assert.deepEqual(reason(stop, max(4)), ["stop", "eos", 9]);
    assert.deepEqual(reason(stop, max(4, { stopTokenIds: [9], ignoreEos: false })), [
      "stop",
      "stop_id",
      9,
    ]);
    const full = chunk({ ids: [9, 9, 9, 9, 9], meta: length(5) }) + DONE;
    const promptTokenIds = new Uint32Array(2_041).fill(5);
    assert.deepEqual(reason(full, { promptTokenIds, ...max(4_000) }), ["length", "context", null]);
    assert.deepEqual(reason(end(length(1)), max(400)), ["length", "kv", null]);
    const aborted = { finish_reason: { type: "abort", message: "Aborted", status_code: null } };
    assert.deepEqual(reason(end(aborted), max(4)), ["abort", "drain", null]);
  });

  test("an abort in the waiting queue tells nothing but itself", () => {
    const finish_reason = { type: "abort", message: "Abort in waiting queue" };
    const meta = { id: RID, finish_reason, weight_version: "default", completion_tokens: 0 };
    const told = read(
      `data: ${JSON.stringify({ text: "", output_ids: [], meta_info: meta })}\n\n${DONE}`,
    );
    assert.equal(told.error, null);
    assert.deepEqual(finishOf(told), {
      type: "finished",
      reason: { type: "abort", cause: "drain", matched: null },
      cachedTokens: 0,
      versions: null,
    });
  });

  test("an abort after tokens may list them all again", () => {
    const finish = {
      finish_reason: { type: "abort", message: "Aborted" },
      ...spans(["default@1#1", 0, 3]),
    };
    const told = read(
      chunk({ ids: [5], total: 1 }) + chunk({ ids: [5, 6, 7], total: 3, meta: finish }) + DONE,
    );
    assert.deepEqual([told.error, idsOf(told)], [null, [5, 6, 7]]);
  });

  test("past a stop id that SGLang ignores with ignore_eos the request is ended, its versions are waited for", () => {
    const text =
      chunk({ ids: [5, 9], total: 2 }) +
      chunk({ ids: [9, 6], total: 4 }) +
      chunk({
        ids: [7],
        total: 5,
        meta: {
          finish_reason: { type: "abort", message: "Aborted" },
          ...spans(["default@1#1", 0, 1], ["default@2#2", 1, 5]),
        },
      }) +
      DONE;
    const told = read(text, max(20, { stopTokenIds: [9], minNewTokens: 2 }));
    assert.deepEqual([told.error, told.aborts, idsOf(told)], [null, 1, [5, 9, 9]]);
    assert.deepEqual(finishOf(told), {
      type: "finished",
      reason: { type: "stop", cause: "stop_id", matched: 9 },
      cachedTokens: 4,
      versions: [
        { version: 1, start: 0, end: 1 },
        { version: 2, start: 1, end: 3 },
      ],
    });
  });

  test("greedy tokens are certain in what they were drawn from, and have their odds otherwise", () => {
    const greedy = (logprobMode: "processed" | "penalised") =>
      read(INCREMENTAL, { logprobMode, ...max(4, { temperature: 0 }) }).events.flatMap((event) =>
        event.type === "tokens" ? [...event.chunk.logprobs] : [],
      );
    assert.deepEqual(greedy("processed"), [0, 0, 0, 0]);
    assert.deepEqual(greedy("penalised"), [5, 6, 7, 8].map(lp));
  });

  test("rows: alternatives in order, masks ascending, each with its token", () => {
    const side = { promptLogprobs: null, topLogprobs: 3, samplingMask: true };
    const meta = {
      output_top_logprobs: [
        [
          [-1, 7, null],
          [-2, 9, null],
          [-2, 4, null],
        ],
        [[-1, 3, null]],
      ],
      output_token_sampling_mask: [[9, 5, 7], [6]],
    };
    const text =
      chunk({ ids: [5, 6], total: 2, meta }) + chunk({ ids: [], total: 2, meta: length(2) });
    const [event] = read(text, { side, logprobMode: "tempered" }).events.filter(
      ({ type }) => type === "tokens",
    );
    const rows = event?.type === "tokens" ? event.side : undefined;
    assert.deepEqual(
      [[...(rows?.top?.offsets ?? [])], [...(rows?.top?.ids ?? [])]],
      [
        [0, 3, 4],
        [7, 4, 9, 3],
      ],
    );
    assert.deepEqual(
      [[...(rows?.mask?.offsets ?? [])], [...(rows?.mask?.ids ?? [])]],
      [
        [0, 3, 4],
        [5, 7, 9, 6],
      ],
    );
  });

  const first = chunk({ ids: [5], total: 1 });
  const broken: readonly (readonly [name: string, text: string, code: string, wish?: Wish])[] = [
    ["an answer to another id", chunk({ ids: [5], meta: { id: "r-2" } }), "engine_error"],
    ["a missing logprob", chunk({ ids: [5, 6], total: 3 }), "misaligned"],
    [
      "a chunk that comes twice",
      first + chunk({ ids: [6], total: 2 }) + chunk({ ids: [6], total: 2 }),
      "misaligned",
    ],
    ["a chunk that is left out", first + chunk({ ids: [7], total: 3 }), "misaligned"],
    ["a token out of the vocabulary", chunk({ ids: [2_048] }), "engine_error"],
    [
      "an error within a 200",
      `data: {"error":{"message":"x","code":500}}\n\n${DONE}`,
      "engine_error",
    ],
    [
      "a refusal within a 200",
      `data: {"error":{"message":"x","code":400}}\n\n${DONE}`,
      "invalid_argument",
    ],
    [
      "an abort of the scheduler's",
      chunk({ meta: { finish_reason: { type: "abort", message: "full", status_code: 503 } } }),
      "engine_error",
    ],
    ["an end without a finish", first + DONE, "engine_error"],
    ["half a chunk", first.slice(0, -20), "engine_error"],
    ["no JSON", 'data: {"meta_info": {NaN}}\n\n', "engine_error"],
    ["JSON of another kind", "data: []\n\n", "engine_error"],
    [
      "a span of nobody's version",
      chunk({ ids: [5], meta: { ...length(1), ...spans(["default", 0, 1]) } }),
      "engine_error",
    ],
    [
      "a span of another policy",
      chunk({ ids: [5], meta: { ...length(1), ...spans(["other@1#1", 0, 1]) } }),
      "engine_error",
    ],
    [
      "a retraction, with penalties",
      chunk({ ids: [5], meta: { num_retractions: 1 } }),
      "engine_error",
      max(9, { presencePenalty: 1 }),
    ],
  ];
  for (const [name, text, code, wish] of broken) {
    test(`${name} is ${code}`, () => {
      assert.equal(read(text, wish ?? max(9)).error?.code, code);
      assert.equal(read(text, wish ?? max(9), { incremental: false }, 3).error?.code, code);
    });
  }

  test("a logprob that is null is misaligned, and takes no good chunk before it along", () => {
    const meta = { output_token_logprobs: [[null, 6, null]] };
    const told = read(chunk({ ids: [5] }) + chunk({ ids: [6], total: 2, meta }), max(9));
    assert.deepEqual([idsOf(told), told.error?.code], [[5], "misaligned"]);
  });

  describe("KV that was taken away and computed anew", () => {
    /** Chunks of so many tokens; of those from `lost` on it is told. `since`: the first token of the later version. */
    const made = (counts: readonly number[], lost: number, since = 2): string => {
      const updated = spans(["default@1#1", 0, since], ["default@2#2", since, 4]);
      let total = 0;
      return counts
        .map((count, nth) => {
          const ids = Array.from({ length: count }, (_, at) => 5 + total + at);
          total += count;
          const meta = { num_retractions: nth >= lost ? 1 : 0 };
          const end = total === 4 ? { ...length(4), ...updated } : {};
          return chunk({ ids, total, meta: { ...meta, ...end } });
        })
        .concat(DONE)
        .join("");
    };
    const base = { ...max(6), outputTokenIds: Uint32Array.of(1, 2) };
    const first = { version: 1, start: 2, end: 4 };

    test("under a later version, parts what attends to the older one from what does not", () => {
      const told = read(made([1, 1, 1, 1], 3), base);
      assert.deepEqual(finishOf(told)?.versions, [
        first,
        { version: 2, start: 4, end: 5 },
        { version: 2, start: 5, end: 6, rebuilt: true },
      ]);
    });

    test("with several tokens at once, is anybody's guess of these, and certain behind them", () => {
      assert.deepEqual(finishOf(read(made([1, 2, 1], 1, 1), base))?.versions, [
        { version: 1, start: 2, end: 3 },
        { version: 2, start: 3, end: 5, rebuilt: null },
        { version: 2, start: 5, end: 6, rebuilt: true },
      ]);
    });

    test("with tokens of both versions, may have been of the older: nothing behind it is certain", () => {
      assert.deepEqual(finishOf(read(made([1, 2, 1], 1), base))?.versions, [
        first,
        { version: 2, start: 4, end: 6, rebuilt: null },
      ]);
    });

    test("as the later one begins, leaves nothing of it to the older", () => {
      assert.deepEqual(finishOf(read(made([2, 1, 1], 1), base))?.versions, [
        first,
        { version: 2, start: 4, end: 6, rebuilt: true },
      ]);
    });

    test("under the first version, changes nothing", () => {
      const versions = [first, { version: 2, start: 4, end: 6 }];
      assert.deepEqual(finishOf(read(made([1, 1, 1, 1], 1), base))?.versions, versions);
    });
  });

  test("what comes after the finish changes nothing", () => {
    const told = read(INCREMENTAL.replace(DONE, "") + chunk({ ids: [9], total: 5 }), max(4));
    assert.deepEqual([told.error, idsOf(told)], [null, [5, 6, 7, 8]]);
  });

  test("a chunk that has alternatives but tells of no token is misaligned, not the next token's", () => {
    const rows = (ids: readonly number[]) => ({
      output_top_logprobs: ids.map((id) => [[lp(id), id, null]]),
    });
    const untold = { output_token_logprobs: undefined, completion_tokens: undefined };
    const text =
      chunk({ ids: [5], meta: rows([5]) }) +
      chunk({ ids: [5, 6], meta: { ...rows([5, 6]), ...untold } }) +
      chunk({ ids: [5, 6, 7], meta: rows([5, 6, 7]) });
    const side = { promptLogprobs: null, topLogprobs: 1, samplingMask: false };
    const told = read(text, { ...max(3), side }, { incremental: false });
    assert.deepEqual(idsOf(told), [5]);
    assert.equal(told.error?.code, "misaligned");
  });

  test("what a chunk does not tell is not taken from an earlier one", () => {
    const early = spans(["default@1#1", 0, 1]);
    const text = chunk({ ids: [5], meta: early }) + chunk({ ids: [6], total: 2, meta: length(2) });
    assert.deepEqual(finishOf(read(text, max(2)))?.versions, null);
    const nameless = chunk({ ids: [5] }) + chunk({ ids: [6], total: 2, meta: { id: undefined } });
    assert.equal(read(nameless, max(2)).error?.code, "engine_error");
  });
});
