/**
 * What the books cost: the event log, the output and the metrics per chunk of an engine, and metrics and
 * life-cycle events per rollout, in ns, beside copying the same tokens (the floor of any book). The best of
 * several rounds, since neighbours only ever add. Prints Markdown.
 *
 *   node bench/bookkeeping/run.ts
 */
import fc from "fast-check";
import { FrameReader } from "../../adapters/embedded/wire/frame-reader.ts";
import { FrameWriter } from "../../adapters/embedded/wire/frame-writer.ts";
import { observeRollouts } from "../../server/assembly/observers.ts";
import type { Result } from "../../server/contract/result.ts";
import type { Rollout } from "../../server/contract/rollout.ts";
import type { TokenChunk } from "../../server/contract/tokens.ts";
import { LIMITS } from "../../server/limits.ts";
import { liveClock } from "../../server/live-clock.ts";
import { EventLog } from "../../server/rollouts/event-log.ts";
import { Finished } from "../../server/rollouts/finished.ts";
import type { FinishedRollout } from "../../server/rollouts/finished-rollout.ts";
import { Output, type Stay } from "../../server/rollouts/output.ts";
import { createLifeCycle } from "../../server/telemetry/life-cycle.ts";
import { createMetrics } from "../../server/telemetry/metrics.ts";
import { arbitraryResult } from "../../test/support/arbitrary-result.ts";
import { sampleRollout } from "../../test/support/sample-rollout.ts";

const TOKENS = 2_048;
const ROUNDS = 9;
const REPEATS = 300;

const rollout = sampleRollout({});
const held = {
  policy: "default",
  version: 7,
  load: 1,
  digest: "d",
  label: null,
  proof: "digest",
} as const;
const stay: Stay = {
  ...{ worker: "w-1", slot: 0, incarnation: "i-1", attempt: 1, resume: "none" },
  ...{ logprobMode: "processed", dtype: "float32" },
};
const metrics = createMetrics({
  queueDepth: () => 0,
  regime: () => ({ regime: "in_order", rho: 0, sigmaErr: Number.NaN, coverage: Number.NaN }),
  sessions: () => null,
  inflight: () => 0,
  workersByState: () => ({}),
  committedVersions: () => [],
  workerVersions: () => [],
  kvUsed: () => [],
  distances: () => [],
  spool: () => null,
  kept: () => ({ rollouts: 0, outputTokens: 0 }),
});
const [result] = fc.sample(arbitraryResult(), { numRuns: 1, seed: 1 }) as [Result];
const observer = observeRollouts(metrics, createLifeCycle({ wall: () => 0 }), () => 1);

function chunksOf(size: number): readonly TokenChunk[] {
  return Array.from({ length: TOKENS / size }, (_, i) => ({
    start: i * size,
    ids: Uint32Array.from({ length: size }, (_, at) => at),
    logprobs: new Float32Array(size).fill(-1),
    version: 7,
    mixed: false,
  }));
}

function framesOf(chunks: readonly TokenChunk[]): readonly Uint8Array[] {
  const writer = new FrameWriter();
  return chunks.map(({ start, ids, logprobs }) => {
    writer.tokens(start, ids, logprobs, 7, false);
    return writer.cut(0);
  });
}

/** Best ns per unit of a rollout of `units`. */
function best(units: number, rollout: () => unknown): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const began = process.hrtime.bigint();
    for (let i = 0; i < REPEATS; i++) rollout();
    const ns = Number(process.hrtime.bigint() - began) / REPEATS / units;
    // The first rounds compile.
    if (round > 2) least = Math.min(least, ns);
  }
  return least;
}

function copies(chunks: readonly TokenChunk[]): void {
  const ids = new Uint32Array(TOKENS);
  const logprobs = new Float32Array(TOKENS);
  for (const chunk of chunks) {
    ids.set(chunk.ids, chunk.start);
    logprobs.set(chunk.logprobs, chunk.start);
  }
}

function appends(chunks: readonly TokenChunk[]): Output {
  const output = new Output(null, "processed", TOKENS);
  for (const chunk of chunks) output.append(chunk, held, stay, "engine");
  return output;
}

function logs(chunks: readonly TokenChunk[], whole: Output): EventLog {
  const log = new EventLog({ type: "accepted", id: "r" });
  for (const chunk of chunks) log.append({ type: "tokens", chunk });
  log.settle(whole.ids, whole.logprobs);
  return log;
}

function reads(pieces: readonly Uint8Array[]): void {
  const nothing = (): void => {};
  const sink = { started: nothing, tokens: nothing, prompt: nothing };
  const reader = new FrameReader({ ...sink, finished: nothing, error: nothing }, TOKENS);
  for (const piece of pieces) reader.push(piece);
}

function observed({ ...of }: Rollout): void {
  observer.accepted(of);
  observer.placed(of, "w-1", 1);
  observer.attempt(of, "finished");
  observer.finished(of, result, 100);
}

console.log(
  "| ns per chunk of a 2,048-token rollout | 1 token | 16 tokens | 64 tokens |\n|---|---:|---:|---:|",
);
const sizes = [1, 16, 64].map((size) => {
  const chunks = chunksOf(size);
  const frames = framesOf(chunks);
  return {
    chunks,
    frames,
    together: [new Uint8Array(Buffer.concat(frames))],
    whole: appends(chunks),
  };
});
type Size = (typeof sizes)[number];
const rows: readonly (readonly [string, (size: Size) => unknown])[] = [
  ["copying its tokens: the floor", ({ chunks }) => copies(chunks)],
  ["frame read alone, checked", ({ frames }) => reads(frames)],
  ["frame read with its neighbours", ({ together }) => reads(together)],
  ["output: tokens, spans, segments", ({ chunks }) => appends(chunks)],
  ["event log: append, then settle", ({ chunks, whole }) => logs(chunks, whole)],
  [
    "metrics: tokens and lag",
    ({ chunks }) => {
      for (const { ids } of chunks) observer.tokens(rollout, ids.length, 0);
    },
  ],
];
for (const [name, run] of rows) {
  const cells = sizes.map((size) => best(size.chunks.length, () => run(size)).toFixed(0));
  console.log(`| ${name} | ${cells.join(" | ")} |`);
}
console.log(
  `\nmetrics and life-cycle events: ${best(1, () => observed(rollout)).toFixed(0)} ns per rollout`,
);

/** As much of a finished rollout as its keeper looks at. */
const ended = (at: number): FinishedRollout =>
  ({
    key: `default/r-${at}`,
    bodyHash: "h",
    progress: () => ({ outputTokens: 1 }),
    ended: { result: { side: null } },
  }) as unknown as FinishedRollout;

/** Ns to keep one more, and let go of the oldest, with as many kept as are at most. */
function keeping(): number {
  const finished = new Finished({ ...liveClock, now: () => 0 }, 1);
  let at = 0;
  for (; at < 1.5 * LIMITS.finishedRollouts; at++) finished.add(ended(at));
  return best(1, () => finished.add(ended(at++)));
}
console.log(
  `\na finished rollout kept, the oldest of ${LIMITS.finishedRollouts} let go: ${keeping().toFixed(0)} ns`,
);
metrics.close();
