import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Bench, card, grants, only, worker } from "./samples.ts";

/** Serves `rounds` cards one at a time from jobs that always have more waiting; tokens served per job. */
function serve(
  jobs: readonly { job: string; weight: number; tokens: number; from?: number }[],
  rounds: number,
): Map<string, number> {
  const bench = new Bench();
  bench.fleet(worker("w", {}, { kvTokens: 100_000, maxRunning: 4 }));
  const served = new Map<string, number>();
  const size = new Map(jobs.map(({ job, tokens }) => [job, tokens]));
  let next = 0;
  const offer = (job: string) => {
    const [promptTokens, maxNewTokens] = [(size.get(job) ?? 0) - 50, 50];
    return bench.offer(card(`${job}/${next++}`, { job, promptTokens, maxNewTokens }));
  };
  for (const { job, weight } of jobs) bench.send({ type: "job", job, weight });
  const running: string[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const { job, from = 0 } of jobs) {
      // Ten of each wait at any time, from when the job begins.
      for (let i = 0; round === from && i < 10; i++) {
        running.push(...only(offer(job), "grant").map((grant) => grant.key));
      }
    }
    const ended = running.shift() ?? "";
    const got = only(bench.done(ended, 1, 50), "grant");
    for (const { key } of got) {
      const job = key.split("/")[0] ?? "";
      running.push(key);
      served.set(job, (served.get(job) ?? 0) + (size.get(job) ?? 0));
      offer(job);
    }
  }
  return served;
}

describe("fair shares", () => {
  const cases = [
    { name: "equal weights", jobs: [{ weight: 1 }, { weight: 1 }, { weight: 1 }] },
    { name: "weights 1, 2, 5", jobs: [{ weight: 1 }, { weight: 2 }, { weight: 5 }] },
    {
      name: "long and short",
      jobs: [
        { weight: 1, tokens: 2_000 },
        { weight: 1, tokens: 100 },
      ],
    },
  ];
  for (const { name, jobs } of cases) {
    test(`${name}: served tokens follow weights to within two cards`, () => {
      const given = jobs.map((job, i) => ({ job: `j${i}`, tokens: 200, ...job }));
      const served = serve(given, 2_000);
      const total = [...served.values()].reduce((sum, tokens) => sum + tokens, 0);
      const weights = given.reduce((sum, { weight }) => sum + weight, 0);
      const largest = Math.max(...given.map(({ tokens }) => tokens));
      for (const { job, weight } of given) {
        const due = (total * weight) / weights;
        const got = served.get(job) ?? 0;
        // Start-time fair queueing strays by a card each way, times the weight where others owe it; the start adds one.
        const tolerance = 2 * largest * Math.max(1, weight);
        assert.ok(Math.abs(got - due) <= tolerance, `${job} got ${got}, due ${due}`);
      }
    });
  }

  test("a job that comes late has no claim to what it did not ask for", () => {
    const jobs = [
      { job: "early", weight: 1, tokens: 200 },
      { job: "late", weight: 1, tokens: 200, from: 1_000 },
    ];
    const served = serve(jobs, 1_200);
    const late = served.get("late") ?? 0;
    assert.ok(late >= 90 * 200 && late <= 110 * 200, `late got ${late} of 40,000`);
  });

  test("what a job was charged too much for, because its rollouts ended early, comes back", () => {
    const bench = new Bench({ estimateAfter: 1_000 });
    bench.fleet(worker("w", {}, { kvTokens: 100_000, maxRunning: 1 }));
    const offer = (job: string, i: number) =>
      bench.offer(card(`${job}/${i}`, { job, promptTokens: 100, maxNewTokens: 900 }));
    offer("short", -1);
    for (let i = 0; i < 200; i++) {
      offer("short", i);
      offer("long", i);
    }
    const count = { short: 0, long: 0 };
    for (let key = "short/-1", i = 0; i < 200; i++) {
      const job = key.startsWith("short") ? "short" : "long";
      count[job]++;
      key = only(bench.done(key, 1, job === "short" ? 100 : 900), "grant")[0]?.key ?? "";
    }
    // 200 tokens a card against 1,000: five short ones for each long one.
    assert.ok(count.short >= 4.5 * count.long, JSON.stringify(count));
  });
});

describe("a job that may run two at once", () => {
  const waiting = () => {
    const bench = new Bench();
    bench.fleet(worker("w", {}, { kvTokens: 100_000, maxRunning: 16 }));
    bench.send({ type: "job", job: "small", weight: 1, maxRunning: 2 });
    const offer = (job: string, id: string) =>
      grants(bench.offer(card(`${job}/${id}`, { job, promptTokens: 10, maxNewTokens: 10 })));
    return { bench, offer };
  };

  test("waits beyond that, however much room there is, and others go past it", () => {
    const { bench, offer } = waiting();
    assert.equal(offer("small", "1").length + offer("small", "2").length, 2);
    assert.deepEqual([...offer("small", "3"), ...offer("small", "4")], []);
    assert.deepEqual(offer("other", "1"), ["other/1>w"]);
    assert.deepEqual(grants(bench.done("small/1")), ["small/3>w"]);
    assert.deepEqual(grants(bench.done("other/1")), []);
    assert.deepEqual(grants(bench.send({ type: "withdraw", key: "small/2" })), ["small/4>w"]);
  });

  test("goes on at once when the limit is raised or lifted, and ends nothing when it is lowered", () => {
    const { bench, offer } = waiting();
    for (const id of ["1", "2", "3", "4", "5"]) offer("small", id);
    const limit = (maxRunning: number | null) =>
      grants(bench.send({ type: "job", job: "small", weight: 1, maxRunning }));
    assert.deepEqual(limit(3), ["small/3>w"]);
    assert.deepEqual(limit(1), []);
    assert.deepEqual([...grants(bench.done("small/1")), ...grants(bench.done("small/2"))], []);
    assert.deepEqual(grants(bench.done("small/3")), ["small/4>w"]);
    assert.deepEqual(limit(null), ["small/5>w"]);
  });

  test("keeps its limit while it is idle and many other jobs come and go", () => {
    const { bench, offer } = waiting();
    for (let i = 0; i < 5_000; i++) {
      offer(`j${i}`, "1");
      bench.done(`j${i}/1`);
    }
    assert.equal(["1", "2", "3"].flatMap((id) => offer("small", id)).length, 2);
  });
});
