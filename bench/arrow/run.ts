/**
 * What a finished rollout costs the server as a row of a record batch, beside the same as a line of JSON and as a
 * line with base64 arrays. One process, no sockets; results rotate, batches as `many` cuts them.
 */
import { parseArgs } from "node:util";
import { encodeResult } from "../../server/api/codec/result.ts";
import { openRolloutStream } from "../../server/arrow/rollout-stream.ts";
import { createResult, type Result } from "../../server/contract/result.ts";

const { values } = parseArgs({
  options: { rows: { type: "string", default: "256" }, rounds: { type: "string", default: "12" } },
});
const rows = Number(values.rows);
const rounds = Number(values.rounds);

function resultOf(seed: number, tokens: number): Result {
  const range = { start: 0, end: tokens };
  return createResult({
    id: `r-${seed}`,
    job: "default",
    policy: "default",
    group: { id: "g", size: 8, index: seed % 8 },
    session: null,
    outputTokenIds: Uint32Array.from({ length: tokens }, (_, i) => (i * 7919 + seed) % 50_021),
    logprobs: Float32Array.from({ length: tokens }, (_, i) => -((i * 31 + seed) % 101) / 7),
    logprobMode: "processed",
    finishReason: { type: "length", cause: "max_new", matched: null },
    spans: [
      { ...range, version: 7, label: null, baseVersion: null, kv: "pure", attested: "engine" },
    ],
    segments: [
      {
        ...range,
        worker: "w-1",
        slot: 0,
        incarnation: "5f0c",
        attempt: 1,
        resume: "none",
        logprobMode: "processed",
        numerics: { dtype: "bfloat16" },
      },
    ],
    routing: {
      worker: "w-1",
      queueMs: 0.4,
      prefillMs: 3.1,
      decodeMs: 20.5,
      cachedTokens: 0,
      attempts: 1,
      moves: 0,
    },
    usage: { promptTokens: 100, outputTokens: tokens, wastedTokens: 0 },
    stale: null,
    side: null,
  });
}

/** Median microseconds a row over the rounds, after two that do not count. */
function cost(encode: () => void): number {
  const took: number[] = [];
  for (let round = 0; round < rounds + 2; round++) {
    const began = performance.now();
    encode();
    if (round >= 2) took.push(((performance.now() - began) * 1_000) / rows);
  }
  return took.sort((a, b) => a - b)[took.length >> 1] as number;
}

const began = performance.now();
const stream = await openRolloutStream();
console.log(
  `first Arrow reply of a process: ${(performance.now() - began).toFixed(0)} ms of import`,
);
console.log(
  "tokens  json us  b64 us  arrow us  arrow/json  arrow/b64  bytes a row (json, b64, arrow)",
);
for (const tokens of [16, 256, 2_048]) {
  const results = Array.from({ length: rows }, (_, i) => resultOf(i, tokens));
  const lines = (encoding: "json" | "b64"): number =>
    results.reduce((sum, result) => sum + encodeResult(result, encoding).length, 0);
  const batch = (): number =>
    stream.batch(results.map((result) => ({ result }))).reduce((sum, part) => sum + part.length, 0);
  const [json, b64, arrow] = [() => lines("json"), () => lines("b64"), batch].map(cost) as [
    number,
    number,
    number,
  ];
  const bytes = [lines("json"), lines("b64"), batch()].map((sum) => Math.round(sum / rows));
  console.log(
    `${tokens}\t${json.toFixed(1)}\t${b64.toFixed(1)}\t${arrow.toFixed(1)}\t` +
      `${(arrow / json).toFixed(2)}\t${(arrow / b64).toFixed(2)}\t${bytes.join(", ")}`,
  );
}
