import assert from "node:assert/strict";
import { test } from "node:test";
import type { EngineTelemetry } from "../../../adapters/engine.ts";
import type { Random } from "../../../server/contract/clock.ts";
import { createRatesFit, newSteps } from "../../../server/fleet/rates.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";
import { IDLE } from "./fake-engine.ts";

interface Truth {
  a: number;
  s: number;
  /** Relative noise of a step. */
  noise: number;
  batch(random: Random): number;
  /** Seconds that a step takes longer, for stalls and prefill. */
  extra?(random: Random): number;
}

/** An engine's last 64 steps, polled every 40. */
function* polls(truth: Truth, random: Random, count: number): Generator<EngineTelemetry> {
  const steps: { batch: number; seconds: number }[] = [];
  for (let poll = 0; poll < count; poll++) {
    for (let i = 0; i < 40; i++) {
      const batch = truth.batch(random);
      const exact = truth.a + truth.s * batch;
      const noise = 1 + truth.noise * (2 * random.next() - 1);
      steps.push({ batch, seconds: exact * noise + (truth.extra?.(random) ?? 0) });
    }
    yield { ...IDLE, running: 1, steps: steps.slice(-64) };
  }
}

const near = (value: number, expected: number, tolerance: number): void => {
  assert.ok(
    Math.abs(value - expected) <= tolerance * expected,
    `${value} is not within ${tolerance * 100} % of ${expected}`,
  );
};

const anyBatch = (random: Random): number => 1 + (random.u32() % 32);

test("the line is found through noise", () => {
  const random = seededRandom(testSeed("line"));
  const fit = createRatesFit();
  for (const poll of polls({ a: 0.006, s: 0.00035, noise: 0.1, batch: anyBatch }, random, 20)) {
    fit.add(poll);
  }
  const { step } = fit.rates();
  assert.ok(step);
  near(step.a + step.s * 16, 0.006 + 0.00035 * 16, 0.05);
  near(step.s, 0.00035, 0.2);
});

test("stalls of a second do not move the line", () => {
  const random = seededRandom(testSeed("stalls"));
  const fit = createRatesFit();
  const extra = (r: Random): number => (r.next() < 0.02 ? 1 : 0);
  const truth = { a: 0.01, s: 0.001, noise: 0.05, batch: anyBatch, extra };
  for (const poll of polls(truth, random, 30)) fit.add(poll);
  const { step } = fit.rates();
  assert.ok(step);
  near(step.a + step.s * 16, 0.026, 0.15);
});

test("with one batch size seen, the time is right there and the slope is not made up", () => {
  const random = seededRandom(testSeed("one size"));
  const fit = createRatesFit();
  for (const poll of polls({ a: 0.01, s: 0.001, noise: 0.02, batch: () => 8 }, random, 10)) {
    fit.add(poll);
  }
  const { step } = fit.rates();
  assert.ok(step);
  near(step.a + step.s * 8, 0.018, 0.05);
  assert.ok(step.s < 0.0005);
});

test("nobody is taken for free: not where the first steps, of small batches, took longer by their prefill", () => {
  const fit = createRatesFit();
  const steps = [1, 2, 4, 7, 11, 11].map((batch) => ({ batch, seconds: 0.061 }));
  for (let i = 0; i < 30; i++) steps.push({ batch: 11, seconds: 0.0444 });
  fit.add({ ...IDLE, steps });
  const { step } = fit.rates();
  assert.ok(step);
  near(step.a + step.s * 11, 0.0444, 0.1);
  assert.ok(step.s > 0.0009 * step.a && step.s < 0.0011 * step.a, `${step.s}`);
});

test("a machine that becomes three times slower is believed", () => {
  const random = seededRandom(testSeed("slower"));
  const fit = createRatesFit();
  const truth = { a: 0.01, s: 0.001, noise: 0.05, batch: anyBatch };
  for (const poll of polls(truth, random, 20)) fit.add(poll);
  for (const poll of polls({ ...truth, a: 0.03, s: 0.003 }, random, 60)) fit.add(poll);
  const { step } = fit.rates();
  assert.ok(step);
  near(step.a + step.s * 16, 0.078, 0.15);
});

test("nothing is told before enough was seen", () => {
  const fit = createRatesFit();
  fit.add({ ...IDLE, steps: Array.from({ length: 15 }, (_, i) => ({ batch: i + 1, seconds: 1 })) });
  assert.deepEqual(fit.rates(), { step: null, prefillTokensPerSecond: null });
});

test("prefill's rate is what its steps take beyond the line", () => {
  const random = seededRandom(testSeed("prefill"));
  const fit = createRatesFit();
  const decode = { a: 0.01, s: 0.001, noise: 0.01, batch: anyBatch };
  let last = IDLE;
  for (const poll of polls(decode, random, 20)) {
    fit.add(poll);
    last = poll;
  }
  // 512 tokens a chunk at 10,000 tokens/s, beside a decode of 4.
  let steps = last.steps.slice(-60);
  for (let poll = 1; poll <= 20; poll++) {
    const chunk = { batch: 4, seconds: 0.014 + 0.0512 + 1e-9 * poll };
    steps = [...steps, { batch: 4, seconds: 0.014 + 1e-9 * poll }, chunk].slice(-64);
    fit.add({ ...last, prefillTokens: poll * 512, steps });
  }
  const { prefillTokensPerSecond, step } = fit.rates();
  assert.ok(prefillTokensPerSecond !== null && step !== null);
  near(prefillTokensPerSecond, 10_000, 0.15);
  near(step.a + step.s * 4, 0.014, 0.15);
});

test("only steps that were not told before are new", () => {
  const step = (seconds: number) => ({ batch: 1, seconds });
  const [a, b, c, d] = [step(1), step(2), step(3), step(4)];
  assert.deepEqual(newSteps([], [a, b]), [a, b]);
  assert.deepEqual(newSteps([a, b, c], [b, c, d]), [d]);
  assert.deepEqual(newSteps([a, b], [a, b]), []);
  assert.deepEqual(newSteps([a, b], [c, d]), [c, d]);
  assert.deepEqual(newSteps([a, b], []), []);
});

test("counters that go backwards or stand still make no rate negative, and none that is not a number", () => {
  const random = seededRandom(testSeed("backwards"));
  const fit = createRatesFit();
  let prefillTokens = 1_000_000;
  for (const poll of polls({ a: 0.01, s: 0.001, noise: 0.05, batch: anyBatch }, random, 60)) {
    prefillTokens += (random.u32() % 3) * 2_000 - 3_000;
    fit.add({ ...poll, prefillTokens });
    const { step, prefillTokensPerSecond } = fit.rates();
    for (const rate of [step?.a ?? 0, step?.s ?? 0, prefillTokensPerSecond ?? 0]) {
      assert.ok(Number.isFinite(rate) && rate >= 0, JSON.stringify(fit.rates()));
    }
  }
  const { step } = fit.rates();
  assert.ok(step);
  near(step.a + step.s * 16, 0.026, 0.15);
});
