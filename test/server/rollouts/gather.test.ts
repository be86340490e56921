/** Batches by count, by weight and by time, and what becomes of the source. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gather } from "../../../server/rollouts/gather.ts";
import { settle, VirtualClock } from "../../support/virtual-clock.ts";

/** A source that is fed by hand and tells when it was left. */
function createSource() {
  const waiting: number[] = [];
  let wake = (): void => {};
  const source = {
    left: false,
    ended: false,
    push(...items: number[]) {
      waiting.push(...items);
      wake();
    },
    end() {
      source.ended = true;
      wake();
    },
    async *items(): AsyncGenerator<number> {
      try {
        for (;;) {
          const item = waiting.shift();
          if (item !== undefined) yield item;
          else if (source.ended) return;
          else {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
        }
      } finally {
        source.left = true;
      }
    },
  };
  return source;
}

function gathering(count: number, weight: number) {
  const clock = new VirtualClock();
  const source = createSource();
  const bounds = { count, weight, weigh: (item: number) => item, ms: 100 };
  const batches: number[][] = [];
  const gathered = gather(source.items(), clock, bounds);
  const done = (async () => {
    for await (const batch of gathered) batches.push(batch);
  })();
  return { clock, source, batches, gathered, done };
}

test("a batch is handed out when it is full by count or by weight", async () => {
  const { source, batches, done, clock } = gathering(3, 10);
  source.push(1, 1, 1, 1, 9, 20, 2, 2);
  await settle();
  assert.deepEqual(batches, [[1, 1, 1], [1, 9], [20]]);
  source.end();
  await done;
  assert.deepEqual(batches.at(-1), [2, 2]);
  assert.equal(clock.timers, 0);
});

test("no item waits for longer than the bound, and an idle source costs no timer", async () => {
  const { clock, source, batches, done } = gathering(3, 10);
  await settle();
  assert.equal(clock.timers, 0);
  source.push(1);
  await settle();
  await clock.advance(60);
  source.push(2);
  await settle();
  await clock.advance(39);
  assert.deepEqual(batches, []);
  await clock.advance(1);
  assert.deepEqual(batches, [[1, 2]]);
  source.end();
  await done;
  assert.deepEqual(batches, [[1, 2]]);
});

test("a consumer that leaves lets the source go, and no timer stays", async () => {
  const clock = new VirtualClock();
  const source = createSource();
  const bounds = { count: 1, weight: 10, weigh: () => 1, ms: 100 };
  source.push(1, 2, 3);
  for await (const batch of gather(source.items(), clock, bounds)) {
    assert.deepEqual(batch, [1]);
    break;
  }
  assert.equal(source.left, true);
  assert.equal(clock.timers, 0);
});

test("what the source throws comes out after what was there", async () => {
  async function* broken(): AsyncGenerator<number> {
    yield 1;
    throw new Error("broken");
  }
  const bounds = { count: 1, weight: 10, weigh: () => 1, ms: 100 };
  const gathered = gather(broken(), new VirtualClock(), bounds);
  assert.deepEqual((await gathered.next()).value, [1]);
  await assert.rejects(gathered.next(), /broken/);
});
