import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Card } from "../../../server/scheduler/card.ts";
import { DEFAULT_OPTIONS } from "../../../server/scheduler/options.ts";
import { Bench, card, grants, only, worker } from "./samples.ts";

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
    bench.offer(card("default", { maxNewTokens: 1_000 }));
    assert.equal(reserved(), 400);
    bench.done("default", 1, 70);
    bench.offer(card("limit", { maxNewTokens: 8_000 }));
    assert.ok(reserved() < 300, "its job's are known to be short, whatever their limit");
    bench.send({ type: "progress", key: "limit", attempt: 1, outputTokens: 200 });
    const margin = DEFAULT_OPTIONS.forecastMargin;
    const grown = Math.ceil((100 + 200 + 100) * margin);
    assert.equal(reserved(), grown, "past its forecast it is given half its length more");
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
    // One queue: contexts of 512 to 1,023, none too long for either. The small worker has 600 left, the large one none.
    bench.offer(card("head", { promptTokens: 860, maxNewTokens: 40 }));
    bench.offer(card("next", { promptTokens: 520, maxNewTokens: 40 }));
    assert.deepEqual(grants(bench.done("fill")), ["head>large", "next>small"]);
  });

  const resumed = { attempt: 2, promptTokens: 800, maxNewTokens: 200 };
  const [long, short] = [
    card("long", { ...resumed, outputTokens: 150, priority: -1 }),
    card("short", { ...resumed, outputTokens: 50 }),
  ];

  test("who is too long for a worker holds back nobody of about its size who is not", () => {
    const bench = new Bench();
    bench.fleet(worker("w"));
    assert.deepEqual(grants(bench.offer(long, short)), ["short>w"]);
    assert.deepEqual(grants(bench.done("short", 2)), []);
    const large = worker("large", { maxModelLen: 5_000 }, { kvTokens: 1_600 });
    assert.deepEqual(grants(bench.fleet(large)), ["long>large"]);
  });

  test("nor does it where the worker comes, or comes to be smaller, while they wait", () => {
    const bench = new Bench();
    bench.fleet();
    bench.offer(card("first", { ...resumed, outputTokens: 140 }), long, short);
    assert.deepEqual(grants(bench.fleet(worker("w"))), ["short>w"]);
    const other = card("other", { ...resumed, outputTokens: 20 });
    assert.deepEqual(grants(bench.offer(other)), []);
    bench.done("short", 2);
    bench.done("other", 2);
    bench.fleet(worker("w", { open: false }));
    bench.offer(other, card("tiny", { ...resumed, promptTokens: 600 }));
    assert.deepEqual(grants(bench.fleet(worker("w", {}, { kvTokens: 880 }))), ["tiny>w"]);
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

  test("a forecast beyond the smaller worker's KV asks for no more than all of it, where the larger is avoided or gone", () => {
    const wish = { promptTokens: 100, maxNewTokens: 750, expectedNewTokens: 750 };
    const bench = new Bench();
    bench.fleet(worker("small", {}, { kvTokens: 900 }), worker("large"));
    const avoids = { ...wish, attempt: 2, avoid: ["large-1"] };
    assert.deepEqual(grants(bench.offer(card("1", avoids))), ["1>small"]);
    assert.deepEqual(grants(bench.offer(card("2", wish))), ["2>large"]);
    assert.deepEqual(grants(bench.offer(card("3", avoids))), []);
    assert.deepEqual(grants(bench.done("1", 2)), ["3>small"]);
    assert.deepEqual(grants([...bench.offer(card("4", wish)), ...bench.done("3", 2)]), []);
    const lost = { type: "worker_lost", worker: "large", incarnation: "large-1" } as const;
    assert.deepEqual(grants(bench.send(lost)), ["4>small"]);
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
    {
      name: "a partial rollout that was given back, before new ones",
      cards: [card("a"), card("b", { outputTokens: 10 })],
      want: ["b", "a"],
    },
  ];
  for (const { name, cards, want } of cases) {
    test(name, () => assert.deepEqual(waitFor(new Bench(), cards), want));
  }
});
