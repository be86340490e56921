import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { WorkerState } from "../../../server/contract/worker.ts";
import {
  after,
  BORN,
  type Cause,
  type Condition,
  stateOf,
} from "../../../server/fleet/condition.ts";
import { testSeed } from "../../support/seeded-random.ts";

const CAUSES: readonly Cause[] = [
  "answered",
  "doubted",
  "lost",
  "reborn",
  "updating",
  "draining",
  "poisoned",
  "lifted",
  "paused",
  "resumed",
];

const histories = fc.array(fc.constantFrom(...CAUSES), { maxLength: 60 });

function run(
  causes: readonly Cause[],
  check: (from: Condition, cause: Cause, to: Condition) => void,
) {
  let condition = BORN;
  for (const cause of causes) {
    const next = after(condition, cause) ?? condition;
    check(condition, cause, next);
    condition = next;
  }
  return condition;
}

/** Causes that may bring a worker to a state that takes traffic. */
const OPENING: readonly Cause[] = ["answered", "lifted", "resumed"];

test("whatever happens, the states keep their promises", () => {
  fc.assert(
    fc.property(histories, (causes) => {
      run(causes, (from, cause, to) => {
        const [before, now] = [stateOf(from), stateOf(to)];
        if (before === "lost" && cause !== "reborn") assert.equal(now, "lost");
        if (before === "poisoned" && now !== "poisoned") {
          assert.ok(cause === "lifted" || cause === "lost", `${cause} cured a poisoned worker`);
        }
        if (before !== "ready" && now === "ready") assert.ok(OPENING.includes(cause), cause);
        if (now === "ready") assert.deepEqual({ ...to, life: "alive" }, { ...BORN, life: "alive" });
        // Probes never overrule an owner: the coordinator, an operator or a drain.
        if (cause === "answered" || cause === "doubted") {
          assert.deepEqual({ ...to, life: from.life }, from);
        }
        if (cause === "lifted") assert.equal(to.paused, from.paused);
      });
    }),
    { seed: testSeed("conditions") },
  );
});

test("a worker that died and came back remembers nothing", () => {
  fc.assert(
    fc.property(histories, (causes) => {
      const condition = run([...causes, "lost", "reborn"], () => {});
      assert.deepEqual(condition, BORN);
    }),
    { seed: testSeed("rebirth") },
  );
});

test("the state is the gravest thing that is the matter", () => {
  const table: readonly [Partial<Condition>, WorkerState][] = [
    [{}, "starting"],
    [{ life: "alive" }, "ready"],
    [{ life: "suspect" }, "suspect"],
    [{ life: "suspect", paused: true }, "paused"],
    [{ life: "alive", paused: true, claim: "updating" }, "updating"],
    [{ life: "suspect", claim: "draining" }, "draining"],
    [{ life: "alive", claim: "draining", poisoned: true }, "poisoned"],
    [{ life: "lost", poisoned: true }, "lost"],
  ];
  for (const [condition, expected] of table) {
    assert.equal(stateOf({ ...BORN, ...condition }), expected);
  }
});
