/** The compute loop with a simulated core, a virtual clock and a port that the test holds. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FrameReader } from "../../../../adapters/embedded/wire/frame-reader.ts";
import {
  type ComputeLoop,
  type ComputePort,
  createComputeLoop,
} from "../../../../server/engine/server/compute-loop.ts";
import {
  AFTER,
  type ComputeCall,
  type FromCompute,
} from "../../../../server/engine/server/messages.ts";
import {
  createSimulatedCore,
  type SimulatedModel,
} from "../../../../server/engine/simulated-core.ts";
import { requestOf, type Wish } from "../../../conformance/engines/attempt.ts";
import { settle, VirtualClock } from "../../../support/virtual-clock.ts";

interface Chunk {
  readonly start: number;
  readonly count: number;
  readonly version: number;
}

/** What the HTTP thread would have, were there one. */
class Bench implements ComputePort {
  readonly clock = new VirtualClock();
  readonly posted: FromCompute[] = [];
  readonly loop: ComputeLoop;
  untaken = 0;
  /** Whether batches count as taken as soon as they are posted. */
  taking = true;
  #woken: (() => void) | null = null;
  #calls = 0;

  constructor(model: Partial<SimulatedModel> = {}) {
    const core = createSimulatedCore({ kvTokens: 100_000, maxRunning: 8, model });
    this.loop = createComputeLoop(core, this, this.clock, null);
    this.call({ kind: "stage", policy: "default", version: 1, path: "/one" });
    this.call({ kind: "swap", policy: "default", version: 1, kv: "keep" });
  }

  post(message: FromCompute): void {
    this.posted.push(message);
    if (message.type === "batch" && !this.taking) this.untaken += 1;
  }

  afterTaken(seen: number, then: () => void): void {
    assert.equal(seen, this.untaken);
    this.#woken = then;
  }

  soon(then: () => void): void {
    setImmediate(then);
  }

  take(): void {
    this.untaken = 0;
    const woken = this.#woken;
    this.#woken = null;
    woken?.();
  }

  call(body: ComputeCall): FromCompute | undefined {
    this.#calls += 1;
    this.loop.handle({ type: "call", call: this.#calls, body });
    return this.posted.at(-1);
  }

  add(handle: number, streamInterval: number, wish: Wish = {}): void {
    const { requestId: id, sampling, policy, ...rest } = requestOf(wish);
    const request = { ...rest, id, sampling: { ...sampling, logitBias: [], badWords: [] } };
    this.loop.handle({ type: "add", handle, policy, streamInterval, request });
  }

  /** What the reader of `handle` has been sent. */
  sent(handle: number): { chunks: Chunk[]; bytes: number; after: number } {
    const chunks: Chunk[] = [];
    let bytes = 0;
    let last: number = AFTER.more;
    const reader = new FrameReader({
      started: () => undefined,
      tokens: (start, ids, _, version) => void chunks.push({ start, count: ids.length, version }),
      prompt: () => undefined,
      finished: () => undefined,
      error: () => undefined,
    });
    for (const message of this.posted) {
      if (message.type !== "batch") continue;
      for (let i = 0; i < message.records.length; i += 4) {
        const [of, from, to, after] = message.records.slice(i, i + 4) as [
          number,
          number,
          number,
          number,
        ];
        if (of !== handle) continue;
        assert.equal(last, AFTER.more, "nothing follows an end");
        reader.push(new Uint8Array(message.bytes, from, to - from));
        bytes += to - from;
        last = after;
      }
    }
    return { chunks, bytes, after: last };
  }

  async turns(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await settle();
  }

  /** Lets it run until the reader of `handle` has been sent the end. */
  async end(handle: number): Promise<void> {
    for (let i = 0; this.sent(handle).after !== AFTER.end; i++) {
      assert.ok(i < 10_000, "no end in sight");
      await settle();
    }
  }
}

describe("compute loop", () => {
  const intervals: readonly (readonly [number, readonly number[]])[] = [
    [1, new Array<number>(32).fill(1)],
    [16, [1, 16, 15]],
    [64, [1, 31]],
  ];
  for (const [interval, counts] of intervals) {
    test(`at interval ${interval}: the first token at once, then full chunks, the rest at the end`, async () => {
      const bench = new Bench();
      bench.add(1, interval);
      await bench.end(1);
      assert.deepEqual(
        bench.sent(1).chunks.map(({ count }) => count),
        counts,
      );
    });
  }

  test("all frames of one step cross in one message", async () => {
    const bench = new Bench();
    bench.add(1, 1);
    bench.add(2, 1);
    await bench.end(2);
    const both = bench.posted.filter(
      (message) =>
        message.type === "batch" && message.records.includes(1) && message.records.includes(2),
    );
    assert.ok(both.length > 10, `${both.length} of ${bench.posted.length}`);
  });

  test("a swap cuts the chunk that is being gathered", async () => {
    const bench = new Bench();
    bench.call({ kind: "stage", policy: "default", version: 2, path: "/two" });
    bench.add(1, 16);
    await bench.turns(6);
    bench.call({ kind: "swap", policy: "default", version: 2, kv: "keep" });
    await bench.end(1);
    const { chunks } = bench.sent(1);
    const versions = chunks.map(({ version }) => version);
    assert.deepEqual(versions, versions.toSorted());
    assert.deepEqual(new Set(versions), new Set([1, 2]));
    assert.equal(
      chunks.reduce((sum, { count }) => sum + count, 0),
      32,
    );
    assert.ok(chunks.some(({ version, count }) => version === 1 && count > 1 && count < 16));
  });

  test("a held reply sends nothing, keeps everything in long frames, and sends it when it flows", async () => {
    const bench = new Bench();
    bench.add(1, 1, { sampling: { maxNewTokens: 500 } });
    bench.add(2, 1, { sampling: { maxNewTokens: 500 } });
    await bench.turns(4);
    bench.loop.handle({ type: "hold", handle: 1 });
    const before = bench.sent(1);
    await bench.end(2);
    assert.deepEqual(bench.sent(1), before);
    bench.loop.handle({ type: "flow", handle: 1 });
    const { chunks, bytes, after } = bench.sent(1);
    assert.equal(after, AFTER.end);
    assert.equal(
      chunks.reduce((sum, { count }) => sum + count, 0),
      500,
    );
    // 8 bytes a token and a header or two, not 32 bytes as at interval 1.
    assert.ok(bytes - before.bytes < 500 * 8 + 200, `${bytes - before.bytes} bytes`);
  });

  test("a held reply whose reader leaves is forgotten", async () => {
    const bench = new Bench();
    bench.add(1, 1);
    bench.loop.handle({ type: "hold", handle: 1 });
    bench.add(2, 1);
    await bench.end(2);
    bench.loop.handle({ type: "drop", handle: 1 });
    bench.loop.handle({ type: "flow", handle: 1 });
    assert.equal(bench.sent(1).bytes, 0);
  });

  test("no step is made while the HTTP thread is behind; calls are still answered", async () => {
    const bench = new Bench();
    bench.taking = false;
    bench.add(1, 1, { sampling: { maxNewTokens: 500 } });
    await bench.turns(200);
    const ahead = bench.untaken;
    assert.ok(ahead > 1 && ahead < 100, `${ahead} batches ahead`);
    const answer = bench.call({ kind: "info" });
    assert.equal(answer?.type, "answer");
    await bench.turns(50);
    assert.equal(bench.untaken, ahead);
    bench.taking = true;
    bench.take();
    await bench.end(1);
  });

  test("a core that models time steps when it is due, and catches up no long pause", async () => {
    const bench = new Bench({ stepSeconds: 0.01 });
    bench.add(1, 1);
    await bench.clock.advance(100);
    assert.equal(bench.sent(1).chunks.length, 10);
    bench.call({ kind: "pause", mode: "keep" });
    await bench.clock.advance(10_000);
    assert.equal(bench.sent(1).chunks.length, 10);
    bench.call({ kind: "resume" });
    await bench.clock.advance(50);
    const made = bench.sent(1).chunks.length;
    assert.ok(made >= 14 && made <= 15, `${made}`);
  });

  test("idle time is not caught up: the first step takes its time", async () => {
    const bench = new Bench({ stepSeconds: 0.01 });
    await bench.clock.advance(1_000);
    bench.add(1, 1);
    await bench.clock.advance(9);
    assert.equal(bench.sent(1).chunks.length, 0);
    await bench.clock.advance(1);
    assert.equal(bench.sent(1).chunks.length, 1);
  });

  test("steps shorter than a timer's tick keep their rate", async () => {
    const bench = new Bench({ stepSeconds: 0.0002 });
    bench.add(1, 1, { sampling: { maxNewTokens: 1_000 } });
    for (let ms = 0; ms < 100; ms++) {
      await bench.clock.advance(1);
      await bench.turns(8);
    }
    const made = bench.sent(1).chunks.length;
    assert.ok(made >= 480 && made <= 510, `${made} in 100 ms`);
  });

  test("a call that the core refuses is answered with its error", () => {
    const bench = new Bench();
    const answer = bench.call({ kind: "swap", policy: "default", version: 9, kv: "keep" });
    assert.equal(answer?.type === "call_failed" && answer.error.code, "version_conflict");
    const fault = bench.call({ kind: "fault", fault: { kind: "nan" } });
    assert.equal(fault?.type === "call_failed" && fault.error.code, "unsupported");
  });
});
