import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Card } from "../../../server/scheduler/card.ts";
import type { WorkerView } from "../../../server/scheduler/events.ts";
import { Bench, card, grants, held, only, worker } from "./samples.ts";

describe("late binding by room", () => {
  test("a slot is given what its KV less headroom holds, the rest waits and follows in order", () => {
    const bench = new Bench();
    bench.fleet(worker("w"));
    // Each needs 100 + 100 of 900 usable.
    const keys = ["1", "2", "3", "4", "5", "6"];
    assert.deepEqual(grants(bench.offer(...keys.map((key) => card(key)))), [
      "1>w",
      "2>w",
      "3>w",
      "4>w",
    ]);
    assert.deepEqual(bench.scheduler.snapshot().slots[0]?.reservedTokens, 800);
    assert.deepEqual(grants(bench.done("2")), ["5>w"]);
    assert.deepEqual(grants(bench.done("1")), ["6>w"]);
  });

  test("maxRunning bounds a slot whatever its KV", () => {
    const bench = new Bench();
    bench.fleet(worker("w", {}, { maxRunning: 2 }));
    assert.equal(grants(bench.offer(card("1"), card("2"), card("3"))).length, 2);
    assert.deepEqual(grants(bench.done("1")), ["3>w"]);
  });

  test("forecasts: the hint, else the default, then the job's own mean", () => {
    const bench = new Bench({ defaultNewTokens: 300, estimateAfter: 2 });
    bench.fleet(worker("w", {}, { kvTokens: 10_000 }));
    const reserved = (): number => bench.scheduler.snapshot().slots[0]?.reservedTokens ?? 0;
    bench.offer(card("hint", { expectedNewTokens: 40, maxNewTokens: 5_000 }));
    assert.equal(reserved(), 140);
    bench.done("hint", 1, 50);
    bench.offer(card("default", { maxNewTokens: 5_000 }));
    assert.equal(reserved(), 400);
    bench.done("default", 1, 70);
    bench.offer(card("mean", { maxNewTokens: 5_000 }));
    assert.equal(reserved(), 160);
    bench.send({ type: "progress", key: "mean", attempt: 1, outputTokens: 200 });
    assert.equal(reserved(), 100 + 200 + 100, "past its forecast it is given half its length more");
  });

  test("KV that others use counts, and an idle engine's does not", () => {
    const bench = new Bench({ progressSlackTokens: 0 });
    bench.fleet(worker("w"));
    bench.offer(card("1"));
    const load = { slot: 0, running: 1, waiting: 0, step: null, prefillTokensPerSecond: null };
    bench.send({ type: "telemetry", worker: "w", kvUsedTokens: 700, ...load });
    assert.deepEqual(grants(bench.offer(card("2"))), [], "600 of 900 are someone else's");
    assert.deepEqual(
      grants(bench.send({ type: "telemetry", worker: "w", kvUsedTokens: 100, ...load })),
      ["2>w"],
    );
    bench.done("1");
    bench.done("2");
    bench.send({ type: "telemetry", worker: "w", kvUsedTokens: 999, ...load, running: 0 });
    assert.deepEqual(grants(bench.offer(card("3"))), ["3>w"]);
  });

  test("a large card is not starved by small ones that fit", () => {
    const bench = new Bench({ claimAfterPasses: 3 });
    bench.fleet(worker("w"));
    const small = { promptTokens: 50, maxNewTokens: 50 };
    bench.offer(...Array.from({ length: 8 }, (_, i) => card(`s${i}`, small)));
    assert.deepEqual(grants(bench.offer(card("big", { promptTokens: 800, job: "k" }))), []);
    let running = Array.from({ length: 8 }, (_, i) => `s${i}`);
    for (let next = 8; next < 48; next++) {
      const said = [...bench.offer(card(`s${next}`, small)), ...bench.done(running[0] ?? "")];
      const got = grants(said).map((grant) => grant.split(">")[0] ?? "");
      running = [...running.slice(1), ...got];
      if (got.includes("big")) return;
    }
    assert.fail("forty small cards went past the large one");
  });
});

describe("what is first does not block what is next", () => {
  test("a slot kept free for a card is anyone's once that card is withdrawn", () => {
    const bench = new Bench({ claimAfterPasses: 1 });
    bench.fleet(worker("w"));
    const small = { promptTokens: 100, maxNewTokens: 100 };
    bench.offer(card("1", small), card("big", { promptTokens: 800, job: "k" }));
    bench.offer(card("2", small));
    assert.deepEqual(grants(bench.offer(card("3", small))), [], "kept free");
    assert.deepEqual(grants(bench.send({ type: "withdraw", key: "big" })), ["3>w"]);
    assert.deepEqual(grants(bench.offer(card("4", small))), ["4>w"]);
  });

  test("once the large head has gone to the large worker, the next fits the small one", () => {
    const bench = new Bench();
    bench.fleet(worker("small", { maxModelLen: 5_000 }), worker("large", {}, { kvTokens: 1_600 }));
    bench.offer(card("fill", { promptTokens: 1_200 }));
    bench.offer(card("half", { promptTokens: 280, maxNewTokens: 20 }));
    // One queue: contexts of 512 to 1,023. The small worker has 600 left, the large one none.
    bench.offer(card("head", { promptTokens: 900, maxNewTokens: 40 }));
    bench.offer(card("next", { promptTokens: 520, maxNewTokens: 40 }));
    assert.deepEqual(grants(bench.done("fill")), ["head>large", "next>small"]);
  });

  test("a resumed card that fits goes past the new ones of its queue that do not", () => {
    const bench = new Bench();
    bench.fleet(worker("w"));
    bench.offer(card("half", { promptTokens: 280, maxNewTokens: 20 }));
    bench.offer(card("new", { promptTokens: 800, maxNewTokens: 40 }));
    const resumed = { attempt: 2, promptTokens: 520, maxNewTokens: 40 };
    assert.deepEqual(grants(bench.offer(card("resumed", resumed))), ["resumed>w"]);
  });

  test("no slot is kept free for a card that its model is too short for", () => {
    const bench = new Bench({ claimAfterPasses: 1 });
    bench.fleet(worker("short", { maxModelLen: 550 }), worker("long", {}, { maxRunning: 1 }));
    bench.offer(card("fill", { promptTokens: 600 }), card("head", { promptTokens: 600 }));
    for (let i = 0; i < 4; i++) assert.deepEqual(grants(bench.offer(card(`${i}`))), [`${i}>short`]);
    assert.deepEqual(grants(bench.done("fill")), ["head>long"]);
  });

  test("however many slots a card must avoid, the one that it may have is found", () => {
    const bench = new Bench({ searchNodes: 4 });
    bench.fleet(worker("big", {}, { slots: 100 }), worker("w"));
    for (let i = 0; i < 20; i++) {
      assert.deepEqual(grants(bench.offer(card(`${i}`, { attempt: 2, avoid: ["big-1"] }))), [
        `${i}>w`,
      ]);
      bench.done(`${i}`, 2);
    }
  });

  test("a worker whose model is too short for a card is passed over for one that is not", () => {
    const bench = new Bench();
    const shape = { kvTokens: 4_000 };
    bench.fleet(worker("short", { maxModelLen: 550 }, shape), worker("long", {}, shape));
    const fill = { promptTokens: 1_000, maxNewTokens: 1_000 };
    bench.offer(card("fill", fill));
    assert.deepEqual(grants(bench.offer(card("x", { promptTokens: 550 }))), ["x>long"]);
    assert.deepEqual(grants(bench.offer(card("y", { promptTokens: 549 }))), ["y>short"]);
  });
});

describe("order", () => {
  const waitFor = (bench: Bench, cards: readonly Card[]): string[] => {
    bench.fleet(worker("w", {}, { maxRunning: 1 }));
    bench.offer(card("first"), ...cards);
    const order: string[] = [];
    let said = bench.done("first");
    for (let [grant] = only(said, "grant"); grant !== undefined; [grant] = only(said, "grant")) {
      order.push(grant.key);
      said = bench.done(grant.key, grant.attempt);
    }
    return order;
  };
  const cases: { name: string; cards: Card[]; want: string[] }[] = [
    { name: "FIFO", cards: [card("a"), card("b"), card("c")], want: ["a", "b", "c"] },
    {
      name: "FIFO over all sizes and workers to avoid",
      cards: [
        card("a"),
        card("b", { promptTokens: 300, acceptedAt: 1 }),
        card("c", { promptTokens: 10, acceptedAt: 2 }),
        card("d", { avoid: ["x"], acceptedAt: 3 }),
        card("e", { acceptedAt: 4 }),
        card("f", { promptTokens: 310, acceptedAt: 5 }),
        card("g", { promptTokens: 11, acceptedAt: 6 }),
      ],
      want: ["a", "b", "c", "d", "e", "f", "g"],
    },
    {
      name: "an earlier accept goes first",
      cards: [card("a", { acceptedAt: 5 }), card("b", { acceptedAt: 2 })],
      want: ["b", "a"],
    },
    {
      name: "lower priority first, negative too, across jobs",
      cards: [card("a"), card("b", { priority: 3 }), card("c", { priority: -1, job: "k" })],
      want: ["c", "a", "b"],
    },
    {
      name: "resumed before new, but after a better priority",
      cards: [card("a"), card("b", { attempt: 2, outputTokens: 10 }), card("c", { priority: -1 })],
      want: ["c", "b", "a"],
    },
  ];
  for (const { name, cards, want } of cases) {
    test(name, () => assert.deepEqual(waitFor(new Bench(), cards), want));
  }
});

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

describe("faults and fencing", () => {
  test("a lost worker's attempts are revoked at once and go on elsewhere", () => {
    const bench = new Bench();
    bench.fleet(worker("w"), worker("v", { open: false }));
    bench.offer(card("1"), card("2"));
    bench.send({ type: "worker_lost", worker: "w", incarnation: "w-0" });
    assert.equal(bench.scheduler.snapshot().running, 2, "another incarnation is not this one");
    const lost = bench.send({ type: "worker_lost", worker: "w", incarnation: "w-1" });
    assert.deepEqual(
      lost,
      ["1", "2"].map((key) => ({ type: "revoke", key, attempt: 1, reason: "worker_lost" })),
    );
    assert.deepEqual(bench.scheduler.snapshot().running, 0);
    bench.send({ type: "worker", worker: worker("v") });
    assert.deepEqual(grants(bench.done("1")), [], "the end of what was lost changes nothing");
    assert.deepEqual(grants(bench.offer(card("1", { attempt: 2, outputTokens: 9 }))), ["1>v"]);
  });

  test("a new incarnation loses the old one's attempts and starts empty", () => {
    const bench = new Bench();
    bench.fleet(worker("w", {}, { maxRunning: 1 }));
    bench.offer(card("1"), card("2"));
    const reborn = worker("w", { incarnation: "w-2" }, { maxRunning: 1 });
    const said = bench.send({ type: "worker", worker: reborn });
    assert.deepEqual(
      said.map((command) => command.type),
      ["revoke", "grant"],
    );
    assert.deepEqual(grants(said), ["2>w"]);
  });

  test("duplicates and what is late change nothing", () => {
    const bench = new Bench();
    bench.fleet(worker("w"));
    bench.offer(card("1", { attempt: 2 }));
    const before = bench.scheduler.snapshot();
    assert.deepEqual(bench.offer(card("1"), card("1", { attempt: 2 })), []);
    assert.deepEqual(bench.done("1", 1), []);
    bench.send({ type: "progress", key: "1", attempt: 1, outputTokens: 50 });
    assert.deepEqual(bench.scheduler.snapshot(), before);
    bench.done("1", 2);
    assert.deepEqual(bench.done("1", 2), []);
    assert.deepEqual(bench.offer(card("1", { attempt: 2 })), [], "it has ended already");
    bench.now = 60_000;
    assert.deepEqual(grants(bench.offer(card("1", { attempt: 2 }))), ["1>w"]);
  });

  test("a newer attempt takes the place of the older one", () => {
    const bench = new Bench();
    bench.fleet(worker("w", {}, { maxRunning: 1 }));
    bench.offer(card("1"), card("2"));
    bench.offer(card("2", { attempt: 2 }));
    assert.deepEqual(only(bench.done("1"), "grant")[0]?.attempt, 2);
    assert.deepEqual(grants(bench.offer(card("2", { attempt: 3 }))), ["2>w"]);
    assert.deepEqual(bench.scheduler.snapshot().running, 1);
  });

  test("withdraw while waiting, while running and of nobody", () => {
    const bench = new Bench();
    bench.fleet(worker("w", {}, { maxRunning: 1 }));
    bench.offer(card("1"), card("2"), card("3"));
    assert.deepEqual(bench.send({ type: "withdraw", key: "2" }), []);
    assert.deepEqual(grants(bench.send({ type: "withdraw", key: "1" })), ["3>w"]);
    assert.deepEqual(bench.send({ type: "withdraw", key: "nobody" }), []);
    assert.deepEqual(bench.scheduler.snapshot().jobs, [{ job: "j", waiting: 0, running: 1 }]);
  });

  test("a worker that lost an attempt gets nothing new until it is heard of, or a while later", () => {
    const bench = new Bench({ suspectMs: 500 });
    bench.fleet(worker("w", {}, { maxRunning: 2 }));
    bench.offer(card("1"), card("2"), card("3"), card("4"));
    const lost = (key: string) => bench.send({ type: "done", key, attempt: 1, outcome: "lost" });
    const said = lost("1");
    assert.deepEqual(grants(said), []);
    assert.deepEqual(only(said, "wake"), [{ type: "wake", at: 500 }]);
    assert.deepEqual(grants(bench.tick(499)), []);
    assert.deepEqual(grants(bench.tick(500)), ["3>w"]);
    lost("2");
    assert.deepEqual(grants(bench.send({ type: "worker", worker: worker("w") })), ["4>w"]);
  });
});
