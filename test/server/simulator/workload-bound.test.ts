/** No simulated run beats the bound, whatever the workload and whoever schedules it; and the bound is not idle. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Resolution } from "../../../server/simulator/options.ts";
import { SCHEDULER_NAMES, schedulerNamed } from "../../../server/simulator/schedulers.ts";
import { simulate } from "../../../server/simulator/simulate.ts";
import type { SimulatedRollout, WorkerSpec, Workload } from "../../../server/simulator/workload.ts";
import { workloadBound } from "../../../server/simulator/workload-bound.ts";
import { PRESET_NAMES, presetWorkload } from "../../../server/simulator/workloads/presets.ts";
import { testSeed } from "../../support/seeded-random.ts";
import { rollout, worker } from "./workloads.ts";

const SMALL = { groups: 24, sessions: 24, workers: 2 };
const RESOLUTIONS: readonly Resolution[] = ["exact", "fluid"];

for (const name of PRESET_NAMES) {
  test(`no run of ${name} beats its bound`, () => {
    const seed = testSeed(`bound of ${name}`);
    const workload = presetWorkload(name, seed, SMALL);
    const bound = workloadBound(workload);
    let best = Number.POSITIVE_INFINITY;
    for (const scheduler of SCHEDULER_NAMES) {
      for (const resolution of RESOLUTIONS) {
        const run = simulate(workload, { seed, resolution, scheduler: schedulerNamed(scheduler) });
        assert.equal(run.finished, workload.rollouts.length, scheduler);
        const ratio = run.makespanSeconds / bound.seconds;
        assert.ok(ratio >= 1, `${scheduler}, ${resolution}: T/LB ${ratio}`);
        best = Math.min(best, ratio);
      }
    }
    assert.ok(best < 2, `T/LB ${best}: a bound so far off says nothing`);
    assert.ok(bound.seconds >= Math.max(bound.longSeconds, bound.workSeconds));
  });
}

const BLOCK_TOKENS = 16;

/** Of any worker: each takes the longest of what `session` and `group` make. */
const shape = fc.record({
  kvTokens: fc.integer({ min: 8_000, max: 40_000 }),
  maxRunning: fc.integer({ min: 1, max: 32 }),
  step: fc.record({
    a: fc.double({ min: 0.001, max: 0.05, noNaN: true }),
    s: fc.double({ min: 0, max: 0.005, noNaN: true }),
  }),
  prefillTokensPerSecond: fc.constantFrom(500, 10_000, Number.POSITIVE_INFINITY),
  prefillChunk: fc.constantFrom(64, 512, 2_048),
  tiers: fc.constantFrom(
    null,
    { hostTokens: 10_000, hostTokensPerSecond: 100_000, poolTokensPerSecond: null },
    { hostTokens: 10_000, hostTokensPerSecond: 100_000, poolTokensPerSecond: 50_000 },
  ),
  adapters: fc.constantFrom(null, { slots: 1, loadSeconds: 0.5 }, { slots: 2, loadSeconds: 0 }),
});

const policy = fc.constantFrom("p", "a", "b", "c");
const outputTokens = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 2_000 }));
const arrivalSeconds = fc.constantFrom(0, 0, 0.7, 5);

type Piece = readonly Partial<SimulatedRollout>[];

/** Siblings of one prompt; `lead`: what prompts of several groups begin with. */
const group: fc.Arbitrary<Piece> = fc
  .record({
    blocks: fc.integer({ min: 0, max: 12 }),
    rest: fc.integer({ min: 1, max: 15 }),
    lead: fc.nat(2),
    lengths: fc.array(outputTokens, { minLength: 1, maxLength: 8 }),
    policy,
    arrivalSeconds,
  })
  .map(({ blocks, rest, lead, lengths, ...of }) =>
    lengths.map((length) => ({
      ...of,
      promptTokens: blocks * BLOCK_TOKENS + rest,
      prefix: Array.from({ length: blocks }, (_, i) => lead * 1_000 + i),
      outputTokens: length,
    })),
  );

/** Each turn's prompt is all that went before, and something more. */
const session: fc.Arbitrary<Piece> = fc
  .record({
    turns: fc.array(
      fc.record({
        told: fc.integer({ min: 1, max: 300 }),
        outputTokens: fc.integer({ min: 1, max: 300 }),
        gapSeconds: fc.constantFrom(0, 0.1, 3),
      }),
      { minLength: 1, maxLength: 5 },
    ),
    name: fc.nat(2 ** 20),
    policy,
    arrivalSeconds,
  })
  .map(({ turns, name, ...of }) => {
    let promptTokens = 0;
    return turns.map(({ told, outputTokens, gapSeconds }, turn) => {
      promptTokens += told;
      const blocks = Math.floor(promptTokens / BLOCK_TOKENS);
      const prefix = Array.from({ length: blocks }, (_, i) => 10_000 + name * 1_000 + i);
      const made = { ...of, promptTokens, prefix, outputTokens };
      promptTokens += outputTokens;
      const at = { id: `s${name}`, turn, gapSeconds: turn === 0 ? 0 : gapSeconds };
      return { ...made, session: at, arrivalSeconds: turn === 0 ? of.arrivalSeconds : 0 };
    });
  });

const anything: fc.Arbitrary<Workload> = fc
  .record({
    workers: fc.array(shape, { minLength: 1, maxLength: 4 }),
    pieces: fc.array(fc.oneof(group, session), { minLength: 1, maxLength: 12 }),
  })
  .map(({ workers, pieces }) => ({
    name: "anything",
    policies: ["p", "a", "b", "c"].map((name) => ({ name, base: name === "p" ? null : "p" })),
    rollouts: named(pieces),
    blockTokens: BLOCK_TOKENS,
    fleet: { workers: workers.map((of, i): WorkerSpec => worker(`w${i}`, of)) },
  }));

function named(pieces: readonly Piece[]): SimulatedRollout[] {
  const seen = new Set<string>();
  return pieces
    .filter(([first]) => {
      const id = first?.session?.id;
      if (id === undefined) return true;
      const fresh = !seen.has(id);
      seen.add(id);
      return fresh;
    })
    .flatMap((piece, p) =>
      piece.map((of, index) => {
        const { session = null } = of;
        const siblings = { id: `g${p}`, size: piece.length, index };
        const id = session === null ? `g${p}.${index}` : `${session.id}.${session.turn}`;
        return rollout(id, { prompt: `p${p}`, group: session === null ? siblings : null, ...of });
      }),
    );
}

test("no run of a fleet of any shapes beats its bound: groups, sessions, adapters, tiers, both resolutions", () => {
  const seed = testSeed("bound of anything");
  const options = fc.record({
    scheduler: fc.constantFrom(...SCHEDULER_NAMES),
    resolution: fc.constantFrom(...RESOLUTIONS),
  });
  const numRuns = Number(process.env["PACELINE_BOUND_RUNS"] ?? 300);
  let finished = 0;
  fc.assert(
    fc.property(anything, options, (workload, { scheduler, resolution }) => {
      const run = simulate(workload, { seed, resolution, scheduler: schedulerNamed(scheduler) });
      if (run.unfinished > 0 || run.truncated > 0) return;
      const ratio = run.makespanSeconds / workloadBound(workload).seconds;
      assert.ok(ratio >= 1 - 1e-9, `${scheduler}, ${resolution}: T/LB ${ratio}`);
      finished++;
    }),
    { seed, numRuns },
  );
  assert.ok(finished > (2 / 3) * numRuns, `${finished} of ${numRuns} finished`);
});
