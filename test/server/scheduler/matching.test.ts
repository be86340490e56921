import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Card } from "../../../server/scheduler/card.ts";
import type { WorkerView } from "../../../server/scheduler/events.ts";
import { Bench, card, grants, held, only, worker } from "./samples.ts";

describe("refusals and reasons to wait", () => {
  const cases: { name: string; fleet: WorkerView[]; card: Partial<Card>; want: string }[] = [
    { name: "nobody there", fleet: [], card: {}, want: "held no_eligible_worker" },
    {
      name: "nobody in its pool",
      fleet: [worker("w")],
      card: { pool: "b", features: ["bad_words"] },
      want: "held no_eligible_worker",
    },
    {
      name: "a feature that no worker has",
      fleet: [worker("w")],
      card: { features: ["seed", "bad_words"] },
      want: "refuse unsupported no worker of the fleet can honour bad_words",
    },
    {
      name: "a logprob mode that no worker has",
      fleet: [worker("w")],
      card: { logprobModes: ["tempered"], pool: "a" },
      want: "refuse unsupported no worker of pool a gives logprobs as tempered",
    },
    {
      name: "a prompt's logprobs where some worker gives them",
      fleet: [worker("w")],
      card: { side: { promptLogprobs: true, topLogprobs: 0, samplingMask: false } },
      want: "grant",
    },
    {
      name: "more alternatives than any worker gives",
      fleet: [worker("w")],
      card: { side: { promptLogprobs: true, topLogprobs: 4, samplingMask: false } },
      want: "refuse unsupported no worker of the fleet gives top_logprobs as wanted",
    },
    {
      name: "a sampling mask that no worker gives",
      fleet: [worker("w")],
      card: { side: { promptLogprobs: false, topLogprobs: 0, samplingMask: true } },
      want: "refuse unsupported no worker of the fleet gives sampling_mask as wanted",
    },
    {
      name: "resuming that no worker can",
      fleet: [worker("w")],
      card: { resume: { seeded: true, penalties: true } },
      want: "refuse unsupported no worker of the fleet can honour all that is asked for together",
    },
    {
      name: "the same on a later attempt waits for who can",
      fleet: [worker("w")],
      card: { attempt: 2, features: ["bad_words"] },
      want: "held no_eligible_worker",
    },
    {
      name: "a prompt beyond every slot",
      fleet: [worker("w")],
      card: { promptTokens: 900 },
      want: "refuse prompt_too_long 900 tokens; the largest worker takes 899 and one to sample",
    },
    {
      name: "a prompt beyond the model",
      fleet: [worker("w", { maxModelLen: 64 })],
      card: { promptTokens: 64 },
      want: "refuse prompt_too_long 64 tokens; the largest worker takes 63 and one to sample",
    },
    {
      name: "a version that is proven but not committed",
      fleet: [worker("w", { holds: [held(2)] })],
      card: {},
      want: "held version_unavailable",
    },
    {
      name: "a constraint that no version meets",
      fleet: [worker("w")],
      card: { constraint: { min: 7 } },
      want: "held version_unavailable",
    },
    {
      name: "never an older version than its last token's",
      fleet: [worker("w")],
      card: { attempt: 2, outputTokens: 1, lastVersion: 2 },
      want: "held version_unavailable",
    },
    {
      name: "the right worker is closed",
      fleet: [worker("w", { open: false })],
      card: {},
      want: "held no_eligible_worker",
    },
    {
      name: "every right worker failed it",
      fleet: [worker("w")],
      card: { attempt: 2, avoid: ["w-1"] },
      want: "held no_eligible_worker",
    },
    {
      name: "another kind of engine",
      fleet: [worker("w")],
      card: { attempt: 2, engine: "vllm" },
      want: "held no_eligible_worker",
    },
  ];
  for (const { name, fleet, card: more, want } of cases) {
    test(name, () => {
      const bench = new Bench();
      bench.fleet(...fleet);
      const said = bench.offer(card("x", more)).map((command) => {
        if (command.type === "held") return `held ${command.reason}`;
        return command.type === "refuse"
          ? `refuse ${command.code} ${command.message}`
          : command.type;
      });
      assert.deepEqual(said, [want]);
    });
  }

  test("beyond the buffer's bound a new rollout is refused, one that ran is not", () => {
    const bench = new Bench({ waitingLimit: 2 });
    bench.offer(card("1"), card("2"));
    const [refused] = only(bench.offer(card("3")), "refuse");
    assert.equal(refused?.code, "overloaded");
    assert.deepEqual(only(bench.offer(card("4", { attempt: 2 })), "refuse"), []);
    assert.equal(bench.scheduler.snapshot().waiting, 3);
  });

  test("reasons are told when they change, in portions", () => {
    const bench = new Bench({ heldBatch: 3 });
    const keys = ["1", "2", "3", "4", "5"];
    bench.offer(...keys.map((key) => card(key, { constraint: { min: 2 } })));
    const first = bench.fleet(worker("w"));
    assert.deepEqual(
      only(first, "held").map(({ key, reason }) => `${key} ${reason}`),
      ["1 version_unavailable", "2 version_unavailable", "3 version_unavailable"],
    );
    assert.deepEqual(only(first, "wake"), [{ type: "wake", at: 0 }]);
    assert.deepEqual(
      only(bench.tick(1), "held").map(({ key }) => key),
      ["4", "5"],
    );
    const updated = worker("w", { holds: [held(2)] });
    const told = bench.send(
      { type: "committed", policy: "p", version: 2 },
      { type: "worker", worker: updated },
    );
    assert.deepEqual(grants(told), ["1>w", "2>w", "3>w", "4>w"]);
    assert.deepEqual(only(told, "held"), [{ type: "held", key: "5", reason: "queue" }]);
  });

  test("what waits for workers at all is refused once those that come cannot serve it", () => {
    const bench = new Bench();
    bench.offer(card("long", { promptTokens: 5_000 }), card("odd", { features: ["structured"] }));
    const refused = only(bench.fleet(worker("w")), "refuse");
    assert.deepEqual(
      refused.map(({ key, code }) => `${key} ${code}`),
      ["long prompt_too_long", "odd unsupported"],
    );
    assert.equal(bench.scheduler.snapshot().waiting, 0);
  });
});

describe("versions (I3)", () => {
  test("its own version first, however loaded; else a newer one; an older one never", () => {
    const bench = new Bench();
    const old = worker("old", {}, { maxRunning: 2 });
    const fresh = worker("new", { holds: [held(2)] }, { maxRunning: 1, kvTokens: 4_000 });
    bench.fleet(old, fresh);
    bench.send({ type: "committed", policy: "p", version: 2 });
    const on = (key: string, lastVersion: number) =>
      grants(bench.offer(card(key, { attempt: 2, outputTokens: 1, lastVersion })));
    assert.deepEqual(on("1", 1), ["1>old"]);
    assert.deepEqual(on("2", 1), ["2>old"]);
    assert.deepEqual(on("3", 1), ["3>new"]);
    bench.done("1", 2);
    assert.deepEqual(on("4", 2), []);
  });

  test("a grant names the version that the worker proved", () => {
    const bench = new Bench();
    bench.fleet(worker("w", { holds: [held(1), held(3), held(2), held(9, "q")] }));
    bench.send({ type: "committed", policy: "p", version: 2 });
    const [grant] = only(bench.offer(card("x")), "grant");
    assert.deepEqual(grant?.held, held(2));
  });

  test("max_lag follows the commit", () => {
    const bench = new Bench();
    bench.fleet(worker("w", {}, { maxRunning: 1 }));
    bench.offer(card("0"), card("x", { constraint: { max_lag: 1 } }));
    bench.send({ type: "committed", policy: "p", version: 3 });
    assert.deepEqual(grants(bench.done("0")), []);
    bench.send({ type: "committed", policy: "p", version: 2 });
    assert.deepEqual(grants(bench.tick(1)), [], "a commit never goes back");
    const updated = worker("w", { holds: [held(2)] });
    assert.deepEqual(grants(bench.send({ type: "worker", worker: updated })), ["x>w"]);
  });
});
