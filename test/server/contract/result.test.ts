import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { createResult, type ResultParts } from "../../../server/contract/result.ts";
import { arbitraryResult } from "../../support/arbitrary-result.ts";
import { testSeed } from "../../support/seeded-random.ts";

const seed = testSeed("an invalid Result cannot be made");

/** A valid Result's parts with one thing broken, or null where that is not possible. */
type Break = (parts: ResultParts, at: number) => ResultParts | null;

const withLogprob =
  (value: number): Break =>
  (parts, at) => {
    if (parts.logprobs.length === 0) return null;
    const logprobs = parts.logprobs.slice();
    logprobs[at % logprobs.length] = value;
    return { ...parts, logprobs };
  };

const withSpan =
  (change: (span: ResultParts["spans"][number]) => ResultParts["spans"][number] | null): Break =>
  (parts, at) => {
    if (parts.spans.length === 0) return null;
    const index = at % parts.spans.length;
    const spans = parts.spans.flatMap((span, i) => (i === index ? (change(span) ?? []) : span));
    return { ...parts, spans };
  };

const BREAKS: readonly [name: string, code: string, broken: Break][] = [
  [
    "a logprob too few",
    "misaligned",
    (parts) =>
      parts.logprobs.length === 0 ? null : { ...parts, logprobs: parts.logprobs.slice(1) },
  ],
  [
    "a logprob too many",
    "misaligned",
    (parts) => ({
      ...parts,
      logprobs: new Float32Array(parts.logprobs.length + 1),
    }),
  ],
  ["NaN", "misaligned", withLogprob(Number.NaN)],
  ["minus infinity", "misaligned", withLogprob(Number.NEGATIVE_INFINITY)],
  ["an engine's floor", "misaligned", withLogprob(-9999)],
  ["a logprob above 0", "misaligned", withLogprob(0.01)],
  ["a lost span", "internal", withSpan(() => null)],
  [
    "a span that starts early",
    "internal",
    withSpan((span) => ({ ...span, start: span.start - 1 })),
  ],
  ["a span that ends late", "internal", withSpan((span) => ({ ...span, end: span.end + 1 }))],
  ["an empty span", "internal", withSpan((span) => ({ ...span, end: span.start }))],
  [
    "no segments",
    "internal",
    (parts) => (parts.segments.length === 0 ? null : { ...parts, segments: [] }),
  ],
  [
    "usage that counts otherwise",
    "internal",
    (parts) => ({
      ...parts,
      usage: { ...parts.usage, outputTokens: parts.usage.outputTokens + 1 },
    }),
  ],
];

suite("an invalid Result cannot be made (I1, I2)", () => {
  for (const [name, code, broken] of BREAKS) {
    test(name, () => {
      let tried = 0;
      fc.assert(
        fc.property(arbitraryResult(), fc.nat(), (result, at) => {
          const parts = broken(result, at);
          if (parts === null) return;
          tried++;
          assert.throws(() => createResult(parts), { code });
        }),
        { seed, numRuns: 50 },
      );
      assert.ok(tried > 10, `only ${tried} of 50 could be broken`);
    });
  }
});
