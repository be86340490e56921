/** Routed experts over lost workers, in the Result and by reference, as long as the Result is kept. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { crc32 } from "node:zlib";
import type { EngineEvent } from "../../../adapters/engine.ts";
import { PacelineError } from "../../../server/contract/errors.ts";
import type { Rollout } from "../../../server/contract/rollout.ts";
import { liveClock } from "../../../server/live-clock.ts";
import { createSideStore } from "../../../server/rollouts/side-store.ts";
import type { SpoolRef } from "../../../server/spool/record.ts";
import { openSpool } from "../../../server/spool/spool.ts";
import { sampleRollout } from "../../support/sample-rollout.ts";
import { finished, play, run, SIDE_INLINE_BYTES, tokens, unreachable, world } from "./world.ts";

const folder = mkdtempSync(join(tmpdir(), "paceline-experts-"));
after(() => rmSync(folder, { recursive: true }));
const limits = {
  ...{ bytes: 8e6, segments: 100, segmentBytes: 1e6, waitingBytes: 1e6 },
  ...{ unwrittenBytes: 1e6, pieceBytes: 1e5 },
};
const { spool } = await openSpool({ folder, clock: liveClock, limits });
after(() => spool.close());
const sideStore = createSideStore(spool, limits, "0a");

/** The sample's prompt has three tokens, its output five: seven rows from the first position on. */
const ROWS = 7;
const wanting = ({ start = 0, sideByRef = false } = {}): Partial<Rollout> => ({
  want: { ...sampleRollout({}).want, routedExperts: { start }, sideByRef },
});
const head: EngineEvent = { type: "experts_head", head: { dtype: "uint8", row: [2, 3] } };
const bytesOf = (length: number, from = 0): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length }, (_, at) => (from + at) % 251);
/** In pieces, as an adapter hands them out. */
const experts = (length: number, piece = length): EngineEvent[] =>
  Array.from({ length: Math.ceil(length / piece) }, (_, n) => ({
    type: "experts" as const,
    bytes: bytesOf(Math.min(piece, length - n * piece), n * piece),
  }));
const wide = (width: number): EngineEvent => ({
  type: "experts_head",
  head: { dtype: "uint8", row: [1, width] },
});
/** More than fits in a Result. */
const WIDE = Math.ceil(SIDE_INLINE_BYTES / ROWS) + 1;
/** Fresh: their buffers go to the spool. */
const large = (): EngineEvent[] => [
  wide(WIDE),
  ...experts(ROWS * WIDE, 200_000),
  tokens(0, 5),
  finished,
];

test("a little comes in the Result, with its shape", async () => {
  const { outcome } = await run(
    [play([head, ...experts(42, 10), tokens(0, 5), finished])],
    wanting(),
  );
  assert.ok(!(outcome instanceof Error));
  const data = bytesOf(42);
  assert.deepEqual(outcome.side?.experts, {
    ...{ dtype: "uint8", firstPosition: 0, shape: [7, 2, 3], source: "sampled" },
    ...{ bytes: 42, crc32: crc32(data), held: { data } },
  });
});

test("an engine that does not divide its rows has them told as they are", async () => {
  const undivided: EngineEvent = { type: "experts_head", head: { dtype: "int32", row: null } };
  const want = wanting({ start: 3 });
  const { outcome } = await run([play([tokens(0, 5), undivided, ...experts(64), finished])], want);
  assert.ok(!(outcome instanceof Error));
  assert.deepEqual(
    [outcome.side?.experts?.shape, outcome.side?.experts?.firstPosition],
    [[4, 4], 3],
  );
});

test("a lost worker's are dropped: the next one computes all of them again, and they say so", async () => {
  const { outcome, requests } = await run(
    [
      play([head, ...experts(30), tokens(0, 3)], unreachable),
      play([head, ...experts(42), tokens(3, 2), finished]),
    ],
    wanting(),
  );
  assert.ok(!(outcome instanceof Error));
  assert.deepEqual(
    [outcome.side?.experts?.source, outcome.side?.experts?.bytes],
    ["recomputed", 42],
  );
  assert.deepEqual(requests[1]?.side?.routedExperts, { start: 0 });
});

test("one that was lost when all tokens were made, but not their experts, starts over", async () => {
  const { outcome } = await run(
    [play([tokens(0, 5)], unreachable), play([head, ...experts(42), tokens(0, 5), finished])],
    { ...wanting(), sampling: { ...sampleRollout({}).sampling, maxNewTokens: 5 } },
  );
  assert.ok(!(outcome instanceof Error));
  assert.deepEqual([outcome.side?.experts?.source, outcome.usage.wastedTokens], ["sampled", 5]);
});

for (const [name, events] of [
  ["none", [tokens(0, 5), finished]],
  ["a row too few", [head, ...experts(36), tokens(0, 5), finished]],
  ["half a row too much", [head, ...experts(45), tokens(0, 5), finished]],
] as const) {
  test(`${name} fails the attempt`, async () => {
    const good = [head, ...experts(42), tokens(0, 5), finished];
    const { outcome, evidence } = await run([play([...events]), play(good)], wanting());
    assert.ok(!(outcome instanceof Error));
    assert.deepEqual([evidence[0], outcome.side?.experts?.bytes], ["misaligned", 42]);
  });
}

test("a rollout that is aborted has none, and keeps nothing", async () => {
  const kept = new Set<object>();
  const counted = {
    append: async (...args: Parameters<typeof spool.append>) => {
      const ref = await spool.append(...args);
      kept.add(ref);
      return ref;
    },
    release: (ref: SpoolRef) => {
      kept.delete(ref);
      spool.release(ref);
    },
    read: (ref: SpoolRef) => spool.read(ref),
    backlog: () => spool.backlog(),
    buffer: (bytes: number) => spool.buffer(bytes),
    usage: spool.usage,
  };
  const store = createSideStore(counted, limits, "0d");
  const came = Promise.withResolvers<void>();
  const w = world(
    [
      async function* (request, signal) {
        yield* large().slice(0, -2);
        came.resolve();
        yield* play([], "hang")(request, signal);
      },
    ],
    { sideStore: store },
  );
  w.rollouts.submit(sampleRollout(wanting()));
  await came.promise;
  const { side, finishReason } = await w.rollouts.abort("default", sampleRollout({}).id, "client");
  assert.deepEqual([finishReason.cause, side?.experts], ["client", null]);
  await spool.sync();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([...kept], []);
});

const read = async (w: ReturnType<typeof world>, ref: string, from: number, to: number) => {
  const side = w.rollouts.side("default", ref);
  const whole = await gathered(side.read(from, to));
  side.close();
  return whole;
};

/** Each is good until the next is asked for. */
async function gathered(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const copies: Buffer[] = [];
  for await (const piece of pieces) copies.push(Buffer.from(piece));
  return Buffer.concat(copies);
}

test("what is large goes by reference, is read back by pieces, and goes with its Result", async () => {
  const w = world([play(large())], { sideStore });
  const result = await w.rollouts.submit(sampleRollout(wanting())).result();
  const told = result.side?.experts;
  assert.ok(told && "ref" in told.held);
  const { ref } = told.held;
  const whole = bytesOf(ROWS * WIDE);
  assert.deepEqual([told.bytes, told.crc32], [whole.length, crc32(whole)]);
  assert.ok((await read(w, ref, 0, whole.length)).equals(whole));
  assert.ok((await read(w, ref, 199_990, 400_010)).equals(whole.subarray(199_990, 400_010)));
  assert.throws(() => w.rollouts.side("another", ref), { code: "expired" });
  assert.throws(() => w.rollouts.side("default", "0a-999"), { code: "not_found" });
  assert.throws(() => w.rollouts.side("default", "x"), { code: "not_found" });

  const late = w.rollouts.side("default", ref);
  await w.clock.advance(60_000);
  assert.throws(() => w.rollouts.side("default", ref), { code: "expired" });
  const rest = await gathered(late.read(0, whole.length));
  assert.ok(rest.equals(whole), "who reads already reads to the end");
  late.close();
});

test("who wants a reference gets one, however little it is", async () => {
  const events = [head, ...experts(42), tokens(0, 5), finished];
  const w = world([play(events)], { sideStore });
  const result = await w.rollouts.submit(sampleRollout(wanting({ sideByRef: true }))).result();
  const held = result.side?.experts?.held;
  assert.ok(held && "ref" in held);
  assert.ok((await read(w, held.ref, 40, 42)).equals(bytesOf(2, 40)));
});

test("a full spool fails the rollout, and refuses the next before any work", async () => {
  const most = { ...limits, bytes: 300_000 };
  const place = join(folder, "small");
  const small = await openSpool({ folder: place, clock: liveClock, limits: most });
  const store = createSideStore(small.spool, most, "0b");
  const full = await run([play(large())], wanting(), { sideStore: store });
  assert.ok(full.outcome instanceof PacelineError);
  assert.deepEqual([full.outcome.code, full.outcome.kind.retryable], ["spool_full", true]);
  await small.spool.sync();
  const { bytes } = small.spool.usage;
  const tight = createSideStore(small.spool, { ...most, bytes }, "0c");
  const w = world([], { sideStore: tight });
  assert.throws(() => w.rollouts.submit(sampleRollout(wanting())), { code: "spool_full" });
  assert.equal(w.sent.length, 0);
  await small.spool.close();
});

test("without a spool what is large is side_data_too_large, and a reference unsupported", async () => {
  const { outcome } = await run([play(large())], wanting());
  assert.ok(outcome instanceof PacelineError);
  assert.deepEqual(
    [outcome.code, outcome.details],
    ["side_data_too_large", { path: "want.routed_experts" }],
  );
  const refused = (rollout: Partial<Rollout>, path: string) =>
    assert.throws(() => world([]).rollouts.submit(sampleRollout(rollout)), {
      ...{ code: "unsupported", details: { path } },
    });
  refused(wanting({ sideByRef: true }), "want.side_by_ref");
  const { sampling } = sampleRollout({});
  refused({ ...wanting(), sampling: { ...sampling, stop: ["x"] } }, "want.routed_experts");
  refused({ ...wanting(), sampling: { ...sampling, maxNewTokens: 0 } }, "want.routed_experts");
});
