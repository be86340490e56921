/** Lengths foretold from groups, prompts and what still runs, against the law that they were drawn from. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_OPTIONS } from "../../../../server/scheduler/options.ts";
import { Level } from "../../../../server/scheduler/prediction/level.ts";
import {
  hazard,
  meanLength,
  survival,
  survivalPast,
  upperQuantile,
} from "../../../../server/scheduler/prediction/normal.ts";
import { Predictor } from "../../../../server/scheduler/prediction/predictor.ts";
import { seededRandom, testSeed } from "../../../support/seeded-random.ts";
import { card } from "../samples.ts";

const CAP = 65_536;
const options = DEFAULT_OPTIONS;

function law(name: string) {
  const random = seededRandom(testSeed(name));
  const normal = (): number =>
    Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  return { random, normal };
}

const near = (actual: number, wanted: number, within: number, what: string): void =>
  assert.ok(Math.abs(actual - wanted) <= within, `${what}: ${actual}, not ${wanted}`);

test("the normal law by its published values", () => {
  near(survival(0), 0.5, 1e-6, "P(Z > 0)");
  near(survival(1.96), 0.025, 1e-5, "P(Z > 1.96)");
  near(survival(-1.96), 0.975, 1e-5, "P(Z > −1.96)");
  near(hazard(0), 0.79788, 1e-4, "λ(0)");
  near(hazard(8), 8.1213, 0.01, "λ(8)");
  near(hazard(60), 60.01666, 1e-4, "λ(60)");
  near(upperQuantile(0.1), 1.28155, 1e-3, "z of 0.1");
});

test("mean and survival of what is past a length agree with draws", () => {
  const { normal } = law("lengths");
  const length = { mean: 9.714, sigma: 0.9 };
  const draws = Array.from({ length: 200_000 }, () =>
    Math.exp(length.mean + length.sigma * normal()),
  );
  for (const past of [0, 5_000, 30_000]) {
    const there = draws.filter((tokens) => tokens > past);
    const mean = there.reduce((sum, tokens) => sum + Math.min(CAP, tokens), 0) / there.length;
    near(meanLength(length, past, CAP) / mean, 1, 0.02, `mean past ${past}`);
    const later = there.filter((tokens) => tokens > past + 8_192).length / there.length;
    near(survivalPast(length, past)?.(8_192) ?? 0, later, 0.01, `there 8,192 after ${past}`);
  }
});

test("of a batch of which only the short have ended, those that run tell how long all are", () => {
  const { normal } = law("censored");
  const all = Array.from({ length: 640 }, () => 9.7 + 0.9 * normal());
  for (const now of [6_000, 12_000, 24_000]) {
    const level = new Level();
    for (const log of all) if (log <= Math.log(now)) level.add(log, null, options);
    const running = all.filter((log) => log > Math.log(now)).map(() => Math.log(now));
    const finished = level.mean;
    for (let step = 0; step < 16; step++) level.weigh(running, options);
    // Five standard deviations of what 640 draws say: of a million seeds one fails by chance.
    assert.ok(finished < 9.7 - 0.3, `what ended by ${now} alone says ${finished}`);
    near(level.mean, 9.7, 0.45, `mean at ${now}`);
    near(Math.sqrt(level.variance), 0.9, 0.25, `σ at ${now}`);
  }
});

test("in a second epoch prompts are known: the error is that of chance, and the bound covers its share", () => {
  const { normal } = law("epochs");
  const [between, within] = [0.75, 0.2];
  const prompts = Array.from({ length: 300 }, () => between * normal());
  const level = new Level();
  const predictor = new Predictor(options);
  let serial = 0;
  const epoch = (drift: number): void => {
    for (const [p, effect] of prompts.entries()) {
      const group = `g-${serial}`;
      const cards = Array.from({ length: 4 }, (_, index) =>
        card(`j/${serial++}`, {
          maxNewTokens: CAP,
          prompt: `p ${p}`,
          group: { id: group, size: 4, index },
        }),
      );
      const siblings = { siblings: null };
      const members = cards.map((each) => predictor.began(each, level, siblings));
      for (const [i, each] of cards.entries()) {
        const tokens = Math.exp(7 + drift + effect + within * normal());
        const made = Math.min(CAP, Math.round(tokens));
        predictor.finished(each, made, level, members[i] ?? null);
      }
    }
  };
  epoch(0);
  assert.ok(!predictor.trusted, `unknown prompts: σ ${predictor.calibration.sigmaErr}`);
  // Lengths grow by a tenth meanwhile; who is long stays long.
  epoch(0.1);
  assert.ok(predictor.trusted, `known prompts: σ ${predictor.calibration.sigmaErr}`);
  near(predictor.calibration.coverage, options.coverage, 0.05, "coverage");
});

test("what is learned of prompts is handed out once, in portions, and recalled by another", () => {
  const level = new Level();
  const first = new Predictor(options);
  for (let i = 0; i < 40; i++) {
    const tokens = i % 2 === 0 ? 100 : 3_000;
    const each = card(`j/${i}`, { prompt: `p ${i % 2}`, maxNewTokens: CAP });
    first.finished(each, tokens, level, null);
  }
  const learned = [...first.learned(1), ...first.learned(9)];
  assert.deepEqual(learned.map(({ prompt }) => prompt).sort(), ["p 0", "p 1"]);
  assert.deepEqual(first.learned(9), []);
  const second = new Predictor(options);
  second.recall([...learned, { prompt: "p 2", apart: Number.NaN, weight: 1 }]);
  const mean = (prompt: string): number =>
    second.predict(card("j/x", { prompt, maxNewTokens: CAP }), level, null)?.mean ?? Number.NaN;
  // Without groups nothing says how much of the variance a prompt explains: none of it is believed.
  assert.equal(mean("p 0"), mean("p 2"));
});
