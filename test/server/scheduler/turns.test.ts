/** Whether long turns pay where what is cut must be computed again. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Card } from "../../../server/scheduler/card.ts";
import type { SchedulerCommand } from "../../../server/scheduler/events.ts";
import { type Prospect, turnsPay } from "../../../server/scheduler/turns.ts";
import { Bench, card, only, worker } from "./samples.ts";

/** Moonlight: a fifth of the fleet's time computes again what turns of 3/8 of the limit cut. */
const MOONLIGHT: Prospect = {
  length: { mean: 9.714, sigma: 0.9 },
  longest: 65_536,
  limit: 65_536,
  batch: 36,
  rho: 0.57,
};
const SLOT = { step: { a: 0.01, s: 0.0001 }, prefillTokensPerSecond: 12_000 };
const TURN = 24_576;
const pays = (more: Partial<Prospect>, slot = SLOT, turn = TURN): boolean =>
  turnsPay({ ...MOONLIGHT, ...more }, slot, turn, 0.5);

describe("turns pay", () => {
  test("where the longest may begin last and take half as long as all the work", () => {
    assert.ok(pays({}));
  });

  const losses: [string, boolean][] = [
    ["the longest are nothing beside the work", pays({ rho: 0.05 })],
    ["computing is slow", pays({}, { ...SLOT, prefillTokensPerSecond: 1_000 })],
    ["nobody gets to the end of a turn", pays({ longest: 20_000 })],
    ["nothing is known of limits", pays({ limit: 0 }, SLOT, 0)],
    ["a turn is short", pays({}, SLOT, 2_048)],
  ];
  for (const [why, pay] of losses) test(`but not where ${why}`, () => assert.ok(!pay));
});

test("without a tier rollouts run in turns of 3/8 of their limit, before lengths are known and after, and the regime says why", () => {
  const bench = new Bench({ regimeSeconds: 0, regimeDwellSeconds: 0, estimateAfter: 8 });
  bench.fleet(worker("w", {}, { kvTokens: 20_000, maxRunning: 16 }));
  const asked = { maxNewTokens: 16_000, cuttable: true, promptTokens: 10 };
  const segmentOf = (key: string) => only(bench.offer(card(key, asked)), "grant")[0]?.segment;
  for (let n = 0; n < 40; n++) {
    assert.equal(segmentOf(`learned${n}`), 6_000);
    if (n === 0) assert.match(bench.scheduler.snapshot().regime?.reason ?? "", /nothing is known/);
    bench.done(`learned${n}`, 1, Math.round(200 * 1.1 ** n));
  }
  for (let n = 0; n < 100; n++) bench.offer(card(`all${n}`, asked));
  const { regime, reason } = bench.scheduler.snapshot().regime ?? {};
  assert.equal(regime, "equal_progress");
  assert.match(reason ?? "", /begin last/);
  const granted = only(bench.done("all0", 1, 500), "grant");
  assert.deepEqual([...new Set(granted.map(({ segment }) => segment))], [6_000]);
});

test("in turns one of each group goes first, then who has made nothing, then of those that were cut the longest predicted", () => {
  const bench = new Bench({
    regimeSeconds: 0,
    regimeDwellSeconds: 0,
    estimateAfter: 4,
    affinityMoveShare: -1,
  });
  bench.fleet(worker("w", {}, { kvTokens: 200_000, maxRunning: 2 }));
  const asked = (name: string, index: number) => ({
    maxNewTokens: 16_000,
    cuttable: true,
    promptTokens: 10,
    group: { id: name, size: 5, index },
  });
  const lengths = { short: 1_000, long: 15_000 };
  for (let index = 0; index < 4; index++) {
    for (const [name, tokens] of Object.entries(lengths)) {
      bench.offer(card(`${name}${index}`, asked(name, index)));
      bench.done(`${name}${index}`, 1, tokens);
    }
  }
  bench.offer(card("short4", asked("short", 4)), card("long4", asked("long", 4)));
  bench.offer(card("new1", asked("new", 1)), card("new0", asked("new", 0)));
  assert.equal(bench.scheduler.snapshot().regime?.regime, "equal_progress");
  const order = [
    ...cut(bench, "short4", asked("short", 4)),
    ...cut(bench, "long4", asked("long", 4)),
    ...bench.done("new0"),
    ...bench.done("new1"),
  ];
  const keys = only(order, "grant").map(({ key }) => key);
  assert.deepEqual(keys, ["new0", "new1", "long4", "short4"]);
});

/** It has made a turn, and waits for the next. */
function cut(bench: Bench, key: string, asked: Partial<Card>): SchedulerCommand[] {
  const ended = bench.send({ type: "done", key, attempt: 1, outcome: "cut", outputTokens: 6_000 });
  const next = { ...asked, attempt: 2, outputTokens: 6_000, lastVersion: 1 };
  return [...ended, ...bench.offer(card(key, next))];
}
