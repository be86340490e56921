/** Results of every shape that the contract allows, for property tests of whatever carries them. */
import fc from "fast-check";
import { createResult, type Result } from "../../server/contract/result.ts";
import type { Segment, Span } from "../../server/contract/rollout.ts";
import type { RoutedExperts } from "../../server/contract/routed-experts.ts";
import type { PromptLogprobs, TopLogprobs } from "../../server/contract/side-data.ts";
import type { StoredPart, StoredSide } from "../../server/contract/stored-side.ts";

const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true });

const id = () => fc.stringMatching(/^[A-Za-z0-9._:-]{1,12}$/);
const whole = () => fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const u32 = () => fc.integer({ min: 0, max: 0xffff_ffff });
const ms = () => fc.double({ min: 0, max: 1e9, noNaN: true });

/** Everything that a logprob may be: in (-9999, 0.001), down to subnormals. JSON has no negative zero, nor has this. */
export const logprob = (): fc.Arbitrary<number> =>
  fc
    .oneof(
      fc.float({ min: Math.fround(-9998.9), max: Math.fround(0.0009), noNaN: true }),
      fc.float({ min: Math.fround(-1e-30), max: 0, noNaN: true }),
      fc.float({ min: -30, max: 0, noNaN: true }),
    )
    .map((value) => value + 0);

const cuts = (length: number): fc.Arbitrary<{ start: number; end: number }[]> =>
  length === 0
    ? fc.constant([])
    : fc.uniqueArray(fc.integer({ min: 1, max: length }), { maxLength: 4 }).map((at) => {
        const ends = [...new Set([...at, length])].sort((a, b) => a - b);
        return ends.map((end, index) => ({ start: ends[index - 1] ?? 0, end }));
      });

const span = (): fc.Arbitrary<Omit<Span, "start" | "end">> =>
  record({
    version: whole(),
    label: fc.option(record({ run: id(), step: whole() })),
    baseVersion: fc.option(whole()),
    kv: fc.constantFrom("pure", "mixed"),
    attested: fc.constantFrom("engine", "coordinator", "none"),
  });

const mode = () => fc.constantFrom("processed", "tempered", "penalised", "raw");

const segment = (): fc.Arbitrary<Omit<Segment, "start" | "end">> =>
  record({
    worker: fc.option(id()),
    slot: u32(),
    incarnation: id(),
    attempt: u32(),
    resume: fc.constantFrom("none", "cache", "transfer", "prefill"),
    logprobMode: mode(),
    numerics: record({ dtype: fc.constantFrom("float32", "bfloat16") }),
  });

const experts = (): fc.Arbitrary<RoutedExperts> =>
  record({
    dtype: fc.constantFrom("uint8", "uint16", "int32"),
    firstPosition: u32(),
    shape: fc.array(u32(), { minLength: 1, maxLength: 3 }),
    source: fc.constantFrom("sampled", "recomputed"),
    bytes: whole(),
    crc32: u32(),
    held: fc.oneof(
      record({ ref: id() }),
      record({ data: fc.uint8Array({ maxLength: 40 }).map((data) => Buffer.from(data)) }),
    ),
  });

/** Also beside rows that lie in the Result, as no server tells them. */
const stored = (length: number): fc.Arbitrary<StoredSide> => {
  const part = (columns: number): fc.Arbitrary<StoredPart> =>
    record({ ref: id(), more: fc.nat(1_000) }).map(({ ref, more }) => ({
      ref,
      bytes: 4 * (length + 1 + columns * (length + more)),
      rows: length,
      entries: length + more,
    }));
  const prompt = record({ ref: id(), version: fc.option(whole()) }).map((told) => ({
    ...{ ...told, bytes: 0, rows: 0, entries: 0 },
  }));
  return record({ prompt: fc.option(prompt), top: fc.option(part(2)), mask: fc.option(part(1)) });
};

/** Each range with a head of its own. */
const over = <T>(ranges: { start: number; end: number }[], head: fc.Arbitrary<T>) =>
  fc.tuple(...ranges.map((range) => head.map((made) => ({ ...made, ...range }))));

export const arbitraryResult = (): fc.Arbitrary<Result> =>
  fc
    .integer({ min: 0, max: 40 })
    .chain((length) =>
      record({
        ids: fc.array(u32(), { minLength: length, maxLength: length }),
        logprobs: fc.array(logprob(), { minLength: length, maxLength: length }),
        spans: cuts(length).chain((ranges) => over(ranges, span())),
        segments: cuts(length).chain((ranges) => over(ranges, segment())),
        head: head(),
        wasted: whole(),
        stale: fc.option(record({ lag: whole(), maxLag: whole() })),
        prompt: u32(),
        scores: fc.option(scores()),
        top: fc.option(rows(length)),
        mask: fc.option(rows(length)),
        experts: fc.option(experts()),
        stored: fc.option(stored(length)),
      }),
    )
    .map(
      ({
        ids,
        logprobs,
        spans,
        segments,
        head,
        wasted,
        stale,
        prompt,
        scores,
        top,
        mask,
        experts,
        stored,
      }) =>
        createResult({
          ...head,
          outputTokenIds: Uint32Array.from(ids),
          logprobs: Float32Array.from(logprobs),
          spans,
          segments,
          usage: {
            promptTokens: scores === null ? prompt : scores.start + scores.logprobs.length,
            outputTokens: ids.length,
            wastedTokens: wasted,
          },
          stale,
          side: [scores, top, mask, experts, stored].every((part) => part === null)
            ? null
            : {
                prompt: scores,
                top,
                mask: mask && { offsets: mask.offsets, ids: mask.ids },
                experts,
                // A prompt's version is told once.
                stored: stored && { ...stored, prompt: scores === null ? stored.prompt : null },
              },
        }),
    );

const scores = (): fc.Arbitrary<PromptLogprobs> =>
  record({
    start: fc.nat(3),
    logprobs: fc.array(logprob(), { minLength: 1, maxLength: 20 }),
    version: fc.option(whole()),
  }).map(({ start, logprobs, version }) => ({
    start,
    logprobs: Float32Array.from(logprobs).fill(Number.NaN, 0, start === 0 ? 1 : 0),
    version,
  }));

/** One a token. */
const rows = (length: number): fc.Arbitrary<TopLogprobs> =>
  fc
    .array(fc.array(fc.tuple(u32(), logprob()), { minLength: 1, maxLength: 4 }), {
      minLength: length,
      maxLength: length,
    })
    .map((given) => {
      const offsets = new Uint32Array(length + 1);
      for (const [at, row] of given.entries())
        offsets[at + 1] = (offsets[at] as number) + row.length;
      const entries = given.flat();
      return {
        offsets,
        ids: Uint32Array.from(entries, ([id]) => id),
        logprobs: Float32Array.from(entries, ([, value]) => value),
      };
    });

const head = () =>
  record({
    id: id(),
    job: id(),
    policy: id(),
    group: fc.option(
      record({ id: id(), size: fc.integer({ min: 1, max: 4096 }), at: fc.nat() }).map(
        ({ at, ...group }) => ({ ...group, index: at % group.size }),
      ),
    ),
    session: fc.option(record({ id: id(), turn: u32(), branch: u32(), final: fc.boolean() })),
    logprobMode: mode(),
    finishReason: record({
      type: fc.constantFrom("stop", "length", "abort"),
      cause: fc.constantFrom(
        "eos",
        "stop_id",
        "stop_string",
        "max_new",
        "context",
        "timeout",
        "drain",
      ),
      matched: fc.option(fc.oneof(u32(), fc.string({ unit: "grapheme" }))),
    }),
    routing: record({
      worker: fc.option(id()),
      queueMs: ms(),
      prefillMs: ms(),
      decodeMs: ms(),
      cachedTokens: u32(),
      attempts: u32(),
      moves: u32(),
    }),
  });
