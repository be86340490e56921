/** Rollouts as Arrow: what arrow-rs reads is what the Results held. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeResult } from "../../../server/api/codec/result.ts";
import type { RolloutRow } from "../../../server/arrow/rollout-columns.ts";
import { openRolloutStream } from "../../../server/arrow/rollout-stream.ts";
import { PacelineError } from "../../../server/contract/errors.ts";
import { createResult, type Result } from "../../../server/contract/result.ts";
import type { IdRows } from "../../../server/contract/side-data.ts";
import type { StoredPart } from "../../../server/contract/stored-side.ts";
import { arbitraryResult } from "../../support/arbitrary-result.ts";
import { readArrow } from "../../support/arrow-rows.ts";

const halved = <R extends IdRows>(rows: R): R => ({ ...rows, ids: rows.ids.map((id) => id >>> 1) });

/** Ids that an int32 holds. */
const arbitraryRow = (): fc.Arbitrary<RolloutRow> =>
  fc.oneof(
    arbitraryResult().map((result) => ({
      result: createResult({
        ...result,
        outputTokenIds: result.outputTokenIds.map((id) => id >>> 1),
        side: result.side && {
          ...result.side,
          top: result.side.top && halved(result.side.top),
          mask: result.side.mask && halved(result.side.mask),
        },
      }),
    })),
    fc.record({ id: fc.string(), job: fc.string(), keptTokens: fc.nat() }),
    fc.record({
      id: fc.string(),
      job: fc.string(),
      error: fc
        .tuple(
          fc.constantFrom("overloaded", "misaligned"),
          fc.option(fc.nat()),
          fc.option(fc.nat()),
        )
        .map(
          ([code, retryAfterMs, kept]) =>
            new PacelineError(code, `${code} ünd wéil`, {
              details: { path: "x" },
              ...(retryAfterMs === null ? {} : { retryAfterMs }),
              ...(kept === null ? {} : { kept: { output_tokens: kept } }),
            }),
        ),
    }),
  );

/** What the JSON reply says, with Arrow's two differences. */
function expectedRow(row: RolloutRow): Record<string, unknown> {
  if (!("result" in row)) return "error" in row ? expectedError(row) : expectedKept(row);
  const {
    finish_reason,
    segments,
    side: _side,
    ...rest
  } = JSON.parse(encodeResult(row.result, "json")) as {
    finish_reason: { matched: unknown };
    segments: { numerics: object }[];
    side?: object;
  };
  const {
    prompt = null,
    top = null,
    mask = null,
    experts = null,
    stored = null,
  } = row.result.side ?? {};
  const { matched, ...finish } = finish_reason;
  return {
    stale: null,
    ...rest,
    // JSON writes float32 in fewer digits.
    logprobs: [...row.result.logprobs],
    prompt_logprobs: prompt && [...prompt.logprobs],
    prompt_version: (prompt ?? stored?.prompt)?.version ?? null,
    top_logprobs: top && {
      offsets: [...top.offsets],
      ids: [...top.ids],
      logprobs: [...top.logprobs],
    },
    sampling_mask: mask && { offsets: [...mask.offsets], ids: [...mask.ids] },
    routed_experts: experts && {
      dtype: experts.dtype,
      first_position: experts.firstPosition,
      shape: [...experts.shape],
      source: experts.source,
      bytes: experts.bytes,
      crc32: experts.crc32,
      data: "data" in experts.held ? [...experts.held.data] : null,
      ref: "ref" in experts.held ? experts.held.ref : null,
    },
    stored: stored && {
      prompt_logprobs: stored.prompt && partOf(stored.prompt),
      top_logprobs: stored.top,
      sampling_mask: stored.mask,
    },
    finish_reason: {
      ...finish,
      matched_id: typeof matched === "number" ? matched : null,
      matched_string: typeof matched === "string" ? matched : null,
    },
    segments: segments.map(({ numerics, ...segment }) => ({ ...segment, ...numerics })),
    error: null,
    kept_tokens: null,
  };
}

const partOf = ({ ref, bytes, rows, entries }: StoredPart): StoredPart => ({
  ...{ ref, bytes, rows, entries },
});

const RESULT_FIELDS = [
  "policy",
  "group",
  "session",
  "output_token_ids",
  "logprobs",
  "logprob_mode",
  "finish_reason",
  "spans",
  "segments",
  "routing",
  "usage",
  "stale",
  "prompt_logprobs",
  "prompt_version",
  "top_logprobs",
  "sampling_mask",
  "routed_experts",
  "stored",
];

function expectedError({ id, job, error }: Extract<RolloutRow, { error: PacelineError }>) {
  const { kept, details, retry_after_ms = null, ...body } = error.toBody();
  return {
    id,
    job,
    ...Object.fromEntries(RESULT_FIELDS.map((field) => [field, null])),
    error: {
      ...body,
      retry_after_ms,
      details: JSON.stringify(details),
      kept_output_tokens: kept?.output_tokens ?? null,
    },
    kept_tokens: null,
  };
}

const expectedKept = ({ id, job, keptTokens }: Extract<RolloutRow, { keptTokens: number }>) => ({
  id,
  job,
  ...Object.fromEntries(RESULT_FIELDS.map((field) => [field, null])),
  error: null,
  kept_tokens: keptTokens,
});

test("arrow-rs reads every row as the JSON reply has it, in any number of batches", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(arbitraryRow(), { maxLength: 6 })), async (batches) => {
      const stream = await openRolloutStream({ group: '{"id":"g"}' });
      const bytes = [
        ...batches.flatMap((rows) => stream.batch(rows)),
        ...stream.end({ summary: "7" }),
      ];
      const read = readArrow(Buffer.concat(bytes));
      assert.deepEqual(read.rows, batches.flat().map(expectedRow));
      assert.deepEqual(read.batches, [...batches.map(({ length }) => length), 0]);
      assert.deepEqual(read.metadata, { schema: "rollouts.1", group: { id: "g" }, summary: 7 });
    }),
    { numRuns: 60 },
  );
});

const resultOf = (ids: Uint32Array, logprobs: Float32Array): Result => {
  const [made] = fc.sample(arbitraryResult(), { numRuns: 1, seed: 1 });
  const spans = [{ ...made?.spans[0], start: 0, end: ids.length }];
  return { ...made, outputTokenIds: ids, logprobs, spans, side: null } as Result;
};

test("a stream without a batch is a schema and no rows", async () => {
  const stream = await openRolloutStream();
  assert.deepEqual(readArrow(Buffer.concat(stream.end())), {
    rows: [],
    metadata: { schema: "rollouts.1" },
    batches: [0],
  });
});

test("an id that no int32 holds, and arrays that do not match, make no batch", async () => {
  const stream = await openRolloutStream();
  const wide = resultOf(Uint32Array.of(2 ** 31), Float32Array.of(-1));
  assert.throws(() => stream.batch([{ result: wide }]), /2\^31/);
  const short = resultOf(Uint32Array.of(1, 2), Float32Array.of(-1));
  assert.throws(() => stream.batch([{ result: short }]), { code: "misaligned" });
});

test("long columns go as they are, and the stream is whole", async () => {
  const length = 40_000;
  const ids = Uint32Array.from({ length }, (_, i) => i);
  const result = resultOf(ids, new Float32Array(length).fill(-0.5));
  const stream = await openRolloutStream();
  const parts = [...stream.batch([{ result }, { result }]), ...stream.end()];
  assert.ok(parts.length > 3 && parts.length < 10, `${parts.length} parts`);
  const { rows } = readArrow(Buffer.concat(parts));
  assert.deepEqual(rows[1]?.["output_token_ids"], [...ids]);
});
