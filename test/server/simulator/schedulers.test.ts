/** What tells the rules that only a simulation has from each other. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Run } from "../../../server/simulator/run.ts";
import { type SchedulerName, schedulerNamed } from "../../../server/simulator/schedulers.ts";
import { simulate } from "../../../server/simulator/simulate.ts";
import type { Workload } from "../../../server/simulator/workload.ts";
import { presetWorkload } from "../../../server/simulator/workloads/presets.ts";
import { testSeed } from "../../support/seeded-random.ts";

const seed = testSeed("simulated rules");
const run = (workload: Workload, scheduler: SchedulerName): Run =>
  simulate(workload, { seed, scheduler: schedulerNamed(scheduler) });

test("the longest are first: who starts later is not longer", () => {
  const workload = presetWorkload("moonlight", seed, { groups: 20, workers: 1 });
  const lengths = new Map(workload.rollouts.map(({ id, outputTokens }) => [id, outputTokens]));
  const starts = run(workload, "longest-first").rollouts.map(({ id, segments }) => ({
    start: segments[0]?.startSeconds ?? 0,
    tokens: lengths.get(id) ?? 0,
  }));
  starts.sort((a, b) => a.start - b.start || b.tokens - a.tokens);
  for (const [i, { start, tokens }] of starts.entries()) {
    const next = starts[i + 1];
    if (next !== undefined && next.start > start) assert.ok(next.tokens <= tokens);
  }
});

test("Seer makes chunks, and a probe of each group goes before its siblings", () => {
  const workload = presetWorkload("moonlight", seed, { groups: 30, workers: 1, resume: "pool" });
  const { rollouts } = run(workload, "seer");
  for (const { segments, outputTokens } of rollouts) {
    assert.equal(segments.length, Math.ceil(outputTokens / 8_192));
  }
  const start = new Map(rollouts.map(({ id, startSeconds }) => [id, startSeconds ?? Infinity]));
  for (let group = 0; group < 30; group++) {
    const probe = start.get(`g-${group}.0`) ?? Infinity;
    for (let i = 1; i < 8; i++) assert.ok((start.get(`g-${group}.${i}`) ?? 0) >= probe);
  }
});

test("TailSieve gives the longest a slot of their own where steps grow steeply, StreamRL some slots", () => {
  const workload = presetWorkload("tailsieve", seed);
  const uniform = run(workload, "request-round-robin");
  const sieved = run(workload, "tail-sieve");
  assert.ok(sieved.makespanSeconds < uniform.makespanSeconds);
  const longest = workload.rollouts.reduce((a, b) => (b.outputTokens > a.outputTokens ? b : a));
  const worker = (made: Run, id: string): string | undefined =>
    made.rollouts.find((rollout) => rollout.id === id)?.segments[0]?.worker;
  const beside = (made: Run): number =>
    made.rollouts.filter(({ id }) => worker(made, id) === worker(made, longest.id)).length;
  assert.ok(beside(sieved) < beside(uniform) / 2, `${beside(sieved)} of ${beside(uniform)}`);
  const skewed = run(workload, "stream-skew");
  const counts = new Map<string, number>();
  for (const { segments } of skewed.rollouts) {
    const id = segments[0]?.worker ?? "";
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  assert.ok(Math.max(...counts.values()) > 1.2 * Math.min(...counts.values()));
});

test("ThunderAgent keeps sessions at home while they fit, and lets none starve when they do not", () => {
  const roomy = run(presetWorkload("agentic", seed, { sessions: 8 }), "thunder-agent");
  const homes = new Map<string, Set<string>>();
  for (const { id, segments } of roomy.rollouts) {
    const session = id.split(".")[0] ?? "";
    const known = homes.get(session) ?? new Set();
    homes.set(session, known);
    for (const { worker } of segments) known.add(worker);
  }
  assert.ok([...homes.values()].every(({ size }) => size === 1));
  const crowded = presetWorkload("agentic", seed, { sessions: 48, workers: 1 });
  assert.equal(run(crowded, "thunder-agent").unfinished, 0);
});
