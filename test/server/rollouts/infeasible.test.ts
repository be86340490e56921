/** What becomes of a rollout that can no longer meet its lag limit, as soon as that is known (I8). */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { EngineEvent } from "../../../adapters/engine.ts";
import type { Continuation, OnInfeasible } from "../../../server/contract/rollout.ts";
import { LIMITS } from "../../../server/limits.ts";
import type { RolloutEvent } from "../../../server/rollouts/service.ts";
import { sampleRollout } from "../../support/sample-rollout.ts";
import { settle } from "../../support/virtual-clock.ts";
import { finished, play, tokens, world } from "./world.ts";

/** Committed is 7, which the worker holds and may prove to hold anew. */
const LIVE = { committed: 7, proved: [7, 8, 9] };
const within = (onInfeasible: OnInfeasible, lag = 0) =>
  sampleRollout({ version: { max_lag: lag }, onInfeasible });
const hang = (count: number) => play([tokens(0, count)], "hang");
const anew = (version: number): EngineEvent[] => [tokens(0, 4, version), finished];

const OLD: Continuation = {
  outputTokenIds: Uint32Array.of(4, 5),
  logprobs: new Float32Array(2).fill(-1),
  spans: [
    {
      ...{ version: 3, label: null, baseVersion: null },
      ...{ start: 0, end: 2, kv: "pure", attested: "engine" },
    },
  ],
};

suite("at the commit that makes it too old", () => {
  test("dropped: it ends at once, inside the engine too, and its tokens are waste", async () => {
    let aborted = false;
    const w = world(
      [
        async function* (_request, signal) {
          yield tokens(0, 3);
          await new Promise<void>((resolve) =>
            signal.addEventListener("abort", () => resolve(), { once: true }),
          );
          aborted = true;
          throw signal.reason;
        },
      ],
      LIVE,
    );
    const handle = w.rollouts.submit(within("drop"));
    await settle();
    w.commit(8);
    const { finishReason, outputTokenIds, usage, stale } = await handle.result();
    await settle();
    assert.deepEqual([finishReason.type, finishReason.cause], ["abort", "stale"]);
    assert.deepEqual([outputTokenIds.length, usage.wastedTokens, stale], [0, 3, null]);
    assert.deepEqual([aborted, w.fates, w.wasted], [true, ["drop"], [["stale", 3]]]);
  });

  test("run anew: nothing of the old stays, readers are told, the waste is counted", async () => {
    const w = world([hang(3), play(anew(8))], LIVE);
    const handle = w.rollouts.submit(within("requeue"));
    await settle();
    w.commit(8);
    const { finishReason, spans, usage, routing } = await handle.result();
    assert.equal(finishReason.cause, "max_new");
    assert.deepEqual(
      spans.map(({ version, start, end }) => [version, start, end]),
      [[8, 0, 4]],
    );
    assert.deepEqual([usage.outputTokens, usage.wastedTokens, routing.attempts], [4, 3, 2]);
    assert.deepEqual([w.fates, w.wasted], [["requeue"], [["stale", 3]]]);
    assert.equal(w.requests[1]?.outputTokenIds.length, 0);
    const moved = (await eventsOf(handle)).find(({ type }) => type === "moved");
    assert.deepEqual(moved, {
      ...{ type: "moved", from: "w-1", to: "w-1" },
      ...{ reason: "stale", resume: "none", keptTokens: 0 },
    });
  });

  test("flagged: it goes on, and its Result says how old it is", async () => {
    const { promise: gone, resolve: go } = Promise.withResolvers<void>();
    const w = world(
      [
        async function* () {
          yield tokens(0, 2);
          await gone;
          yield tokens(2, 2, 8, true);
          yield finished;
        },
      ],
      LIVE,
    );
    const handle = w.rollouts.submit(within("flag"));
    await settle();
    w.commit(8);
    w.commit(9);
    go();
    const { outputTokenIds, stale, usage } = await handle.result();
    assert.deepEqual([outputTokenIds.length, usage.wastedTokens], [4, 0]);
    assert.deepEqual([stale, w.fates], [{ lag: 2, maxLag: 0 }, ["flag"]]);
  });

  test("one that is within its limit, without one, or without a token stays as it is", async () => {
    for (const [rollout, made] of [
      [within("drop", 1), 2],
      [sampleRollout({ onInfeasible: "drop" }), 2],
      [within("drop"), 0],
    ] as const) {
      const w = world([hang(made)], LIVE);
      const handle = w.rollouts.submit(rollout);
      await settle();
      w.commit(8);
      assert.deepEqual([handle.progress().state, w.fates], ["running", []]);
      await w.rollouts.abort("default", handle.id, "client");
    }
  });

  test("one that waits for a place with tokens is decided, too", async () => {
    const w = world([hang(2), play(anew(8))], { ...LIVE, grant: false });
    const handle = w.rollouts.submit(within("requeue"));
    w.grant("default/r-1", 1);
    await settle();
    w.receive({ type: "revoke", key: `default/${handle.id}`, attempt: 1, reason: "drain" });
    await settle();
    w.commit(8);
    w.grant("default/r-1", 3);
    const { usage } = await handle.result();
    assert.deepEqual([usage.outputTokens, usage.wastedTokens], [4, 2]);
  });
});

test("one that is overtaken again and again is dropped in the end", async () => {
  const { requeues } = LIMITS;
  const w = world(
    Array.from({ length: requeues + 1 }, (_, at) => play([tokens(0, 2, 7 + at)], "hang")),
    {
      committed: 7,
      proved: Array.from({ length: requeues + 2 }, (_, at) => 7 + at),
    },
  );
  const handle = w.rollouts.submit(within("requeue"));
  for (let at = 0; at <= requeues; at++) {
    await settle();
    w.commit(8 + at);
  }
  const { finishReason, usage } = await handle.result();
  assert.equal(finishReason.cause, "stale");
  assert.equal(usage.wastedTokens, 2 * (requeues + 1));
  assert.deepEqual(w.fates, [...new Array(requeues).fill("requeue"), "drop"]);
});

test("a first token that an old version made is too old at once", async () => {
  const w = world([play([tokens(0, 2)], "hang"), play(anew(8))], { ...LIVE, committed: 8 });
  const handle = w.rollouts.submit(within("requeue"));
  assert.equal((await handle.result()).spans[0]?.version, 8);
  assert.deepEqual(w.fates, ["requeue"]);
});

suite("tokens to go on from that are too old from the start", () => {
  const from = (onInfeasible: OnInfeasible) => ({ ...within(onInfeasible, 1), continueFrom: OLD });

  test("dropped without touching an engine", async () => {
    const w = world([], LIVE);
    const { finishReason, usage } = await w.rollouts.submit(from("drop")).result();
    assert.deepEqual([finishReason.cause, usage.wastedTokens, w.requests.length], ["stale", 2, 0]);
  });

  test("run anew, as if there were none; no reader hears of them", async () => {
    const w = world([play(anew(7))], LIVE);
    const handle = w.rollouts.submit(from("requeue"));
    assert.equal((await handle.result()).usage.outputTokens, 4);
    const starts = (await eventsOf(handle)).flatMap((event) =>
      event.type === "tokens" ? [event.chunk.start] : [],
    );
    assert.deepEqual(starts, [0]);
  });

  test("flagged, they stay", async () => {
    const w = world([play([tokens(2, 2), finished])], LIVE);
    const result = await w.rollouts.submit(from("flag")).result();
    assert.deepEqual([result.outputTokenIds.length, result.stale], [4, { lag: 4, maxLag: 1 }]);
  });

  test("found out while it waits, readers of them are told that they are void", async () => {
    const w = world([play(anew(9))], { ...LIVE, grant: false });
    const handle = w.rollouts.submit({ ...within("requeue", 5), continueFrom: OLD });
    w.commit(9);
    w.grant(`default/${handle.id}`, 2);
    await handle.result();
    const names = (await eventsOf(handle)).map(({ type }) => type);
    assert.deepEqual(names, ["accepted", "tokens", "moved", "placed", "tokens", "finished"]);
  });
});

async function eventsOf(handle: {
  events(from: number, signal: AbortSignal): AsyncIterable<readonly { event: RolloutEvent }[]>;
}): Promise<RolloutEvent[]> {
  const all: RolloutEvent[] = [];
  for await (const batch of handle.events(0, AbortSignal.timeout(5_000))) {
    for (const { event } of batch) all.push(event);
  }
  return all;
}
