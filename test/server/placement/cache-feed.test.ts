/** An engine's cache events on their way to the scheduler: in our hashes, of versions that count, void after a gap. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { CacheChange, CacheFollower } from "../../../adapters/engine.ts";
import { PacelineError } from "../../../server/contract/errors.ts";
import type { HeldVersion } from "../../../server/contract/policy.ts";
import { createCacheFeed } from "../../../server/placement/cache-feed.ts";
import type { SchedulerEvent } from "../../../server/scheduler/events.ts";
import { prefixHashes } from "../../../server/scheduler/prefix.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";
import { held } from "../scheduler/samples.ts";

const BLOCK = 64;
const tokens = (count: number, from = 0): Uint32Array =>
  Uint32Array.from({ length: count }, (_, i) => from + i);
const names = (first: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => String(first + i));

/** Blocks `first…` of the tokens from `from` on, which hang on `parent`. */
function stored(
  first: number,
  count: number,
  more: Partial<CacheChange & { from: number }> = {},
): CacheChange {
  const { from = 0, ...rest } = more;
  return {
    type: "stored",
    hashes: names(first, count),
    parent: null,
    tokenIds: tokens(count * BLOCK, from),
    blockSize: BLOCK,
    adapter: null,
    ...rest,
  } as CacheChange;
}

function start(holds: readonly HeldVersion[]) {
  const clock = new VirtualClock();
  const heard: string[] = [];
  const followers: CacheFollower[] = [];
  let closed = 0;
  const engine = {
    async followCache(follower: CacheFollower) {
      followers.push(follower);
      return { close: () => void closed++ };
    },
  };
  const feed = createCacheFeed(
    clock,
    () => engine,
    (event: SchedulerEvent) => {
      if (event.type === "cache") heard.push(`${event.life} ${event.kind} ${event.blocks.join()}`);
    },
  );
  feed.holds("w", "w-1", holds);
  const follower = () => followers.at(-1) as CacheFollower;
  const tell = (...changes: CacheChange[]) => follower().changes(0, changes);
  return { clock, feed, heard, followers, follower, tell, closed: () => closed };
}

const p = prefixHashes("p", tokens(1_024));

describe("an engine's blocks", () => {
  const cases: readonly [string, readonly CacheChange[], readonly string[]][] = [
    ["fewer than one of ours", [stored(1, 3)], []],
    ["as many as one of ours", [stored(1, 4)], [`1 stored ${p[0]}`]],
    [
      "more, in two steps",
      [stored(1, 3), stored(4, 6, { parent: "3", from: 192 })],
      [`1 stored ${p[0]},${p[1]}`],
    ],
    ["that hang on something unknown", [stored(9, 8, { parent: "8" })], []],
    ["stored twice", [stored(1, 4), stored(1, 4)], [`1 stored ${p[0]}`]],
    [
      "of two namespaces, one of them dropped",
      [stored(1, 4), stored(11, 4), { type: "removed", hashes: names(1, 4) }],
      [`1 stored ${p[0]}`],
    ],
    [
      "dropped from the end",
      [stored(1, 8), { type: "removed", hashes: ["8"] }, { type: "removed", hashes: ["7", "99"] }],
      [`1 stored ${p[0]},${p[1]}`, `1 removed ${p[1]}`],
    ],
    ["all cleared", [stored(1, 4), { type: "cleared" }], [`1 stored ${p[0]}`, "2 cleared "]],
    [
      "of an adapter that is not held",
      [stored(1, 4, { adapter: { policy: "l", version: 1 } })],
      [],
    ],
  ];
  for (const [what, changes, expected] of cases) {
    test(what, () => {
      const { heard, tell } = start([held(1)]);
      tell(...changes);
      assert.deepEqual(heard, expected);
    });
  }

  test("of an adapter's newest version are its policy's", () => {
    const base = { policy: "p", version: 1, load: 1 };
    const { heard, tell } = start([held(1), { ...held(2, "l"), base }, { ...held(3, "l"), base }]);
    tell(stored(1, 4, { adapter: { policy: "l", version: 2 } }));
    tell(stored(11, 4, { adapter: { policy: "l", version: 3 } }));
    assert.deepEqual(heard, [`1 stored ${prefixHashes("l", tokens(256))[0]}`]);
  });

  test("of a version that is held no more are dropped, as of weights that nobody can tell apart", () => {
    const { heard, tell, feed } = start([held(1)]);
    tell(stored(1, 4));
    feed.holds("w", "w-1", [held(1)]);
    feed.holds("w", "w-1", [held(2)]);
    // A prompt that goes on under the old weights hangs on what is forgotten.
    tell(stored(5, 4, { parent: "4", from: 256 }));
    feed.holds("w", "w-1", [held(2), held(1, "q")]);
    tell(stored(11, 4));
    assert.deepEqual(heard, [`1 stored ${p[0]}`, `1 removed ${p[0]}`]);
  });
});

describe("a stream of events", () => {
  test("that has a gap, or is lost, voids what was known; a lost one is followed anew", async () => {
    const { heard, tell, follower, followers, clock } = start([held(1)]);
    tell(stored(1, 4));
    follower().gap(0);
    tell(stored(1, 4));
    follower().lost(new PacelineError("engine_unreachable", "closed"));
    await clock.advance(10_000);
    assert.equal(followers.length, 2);
    tell(stored(1, 4));
    const stored1 = `stored ${p[0]}`;
    assert.deepEqual(heard, [
      `1 ${stored1}`,
      "2 cleared ",
      `2 ${stored1}`,
      "3 cleared ",
      `3 ${stored1}`,
    ]);
  });

  test("that cannot be had is told once, asked for again, and told anew after it was there", async () => {
    const clock = new VirtualClock();
    const told: string[] = [];
    const followers: CacheFollower[] = [];
    const answers = ["refused", "refused", "there", "refused"];
    const engine = {
      async followCache(follower: CacheFollower) {
        if (answers.shift() === "refused")
          throw new PacelineError("engine_unreachable", "no answer");
        followers.push(follower);
        return { close: () => {} };
      },
    };
    const feed = createCacheFeed(
      clock,
      () => engine,
      () => {},
      (_, { code, message }) => told.push(`${code} ${message}`),
    );
    feed.holds("w", "w-1", [held(1)]);
    await clock.advance(0);
    assert.deepEqual(told, ["engine_unreachable no answer"]);
    await clock.advance(10_000);
    assert.equal(answers.length, 2);
    assert.equal(told.length, 1);
    await clock.advance(10_000);
    followers[0]?.lost(new PacelineError("engine_unreachable", "closed"));
    await clock.advance(10_000);
    assert.equal(answers.length, 0);
    assert.deepEqual(told, ["engine_unreachable no answer", "engine_unreachable closed"]);
    feed.close();
  });

  test("ends with its incarnation, and with the owner", () => {
    const { feed, tell, heard, followers, follower, closed } = start([held(1)]);
    const old = follower();
    feed.holds("w", "w-2", [held(1)]);
    assert.equal(followers.length, 2);
    old.changes(0, [stored(1, 4)]);
    old.gap(0);
    assert.deepEqual(heard, []);
    tell(stored(1, 4));
    assert.equal(heard.length, 1);
    feed.close();
    tell(stored(5, 4, { parent: "4", from: 256 }));
    assert.equal(heard.length, 1);
    assert.ok(closed() <= 2);
  });
});
