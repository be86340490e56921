/**
 * The laws that lengths are drawn by, tested without asymptotics: each check fails by chance with probability at most 1e-9,
 * by the inequalities of Dvoretzky–Kiefer–Wolfowitz (Massart's constant) and Hoeffding.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { agenticTurns, TURNS } from "../../../../server/simulator/workloads/agentic.ts";
import { groupLengths, type LengthLaw } from "../../../../server/simulator/workloads/lengths.ts";
import { zipf } from "../../../../server/simulator/workloads/zipf.ts";
import { seededRandom, testSeed } from "../../../support/seeded-random.ts";

const ERROR = 1e-9;
const DRAWS = 40_000;
/** Half-width that a share, or a whole distribution function, of n independent draws stays within. */
const within = (n: number): number => Math.sqrt(Math.log(2 / ERROR) / (2 * n));

const LAWS: readonly (readonly [name: string, law: LengthLaw])[] = [
  ["moonlight", { mu: 9.714, sigma: 0.9, within: 0.65, cap: 65_536, runaway: 0 }],
  ["short16k", { mu: 6.458, sigma: 1.05, within: 0.65, cap: 16_384, runaway: 0 }],
  ["runaway", { mu: 6.458, sigma: 1.05, within: 0.65, cap: 16_384, runaway: 0.02 }],
  ["one prompt decides", { mu: 7, sigma: 1, within: 0.9, cap: 100_000, runaway: 0 }],
];

/** P(standard normal ≤ z) to 1e-7: Abramowitz and Stegun 26.2.17. */
function normalCdf(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const poly =
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * poly;
  return z > 0 ? 1 - tail : tail;
}

for (const [name, law] of LAWS) {
  const seed = testSeed(`lengths ${name}`);

  test(`${name}: lengths follow their law`, () => {
    const random = seededRandom(seed);
    const drawn = Array.from({ length: DRAWS }, () => groupLengths(random, law, 1)[0] ?? 0);
    drawn.sort((a, b) => a - b);
    // Lengths are whole: between n and n + 1 both functions are compared at n + ½, where rounding changes nothing.
    let worst = 0;
    for (const [i, length] of drawn.entries()) {
      if (length === drawn[i + 1]) continue;
      const below = normalCdf((Math.log(length + 0.5) - law.mu) / law.sigma);
      const expected = length === law.cap ? 1 : (1 - law.runaway) * below;
      worst = Math.max(worst, Math.abs((i + 1) / DRAWS - expected));
    }
    assert.ok(worst <= within(DRAWS), `${worst} of ${within(DRAWS)}`);
    const capped = drawn.filter((length) => length === law.cap).length / DRAWS;
    const natural = 1 - normalCdf((Math.log(law.cap - 0.5) - law.mu) / law.sigma);
    const share = law.runaway + (1 - law.runaway) * natural;
    assert.ok(Math.abs(capped - share) <= within(DRAWS), `${capped} at the cap, not ${share}`);
  });

  test(`${name}: siblings are alike as far as the law says`, () => {
    const random = seededRandom(seed);
    const median = Math.exp(law.mu);
    let same = 0;
    let pairs = 0;
    for (let i = 0; i < DRAWS; i++) {
      const [a = 0, b = 0] = groupLengths(random, { ...law, runaway: 0 }, 2);
      pairs++;
      if (a > median === b > median) same++;
    }
    // Sheppard: two normals with correlation ρ lie on the same side with probability ½ + asin(ρ)/π.
    const expected = 0.5 + Math.asin(law.within) / Math.PI;
    assert.ok(Math.abs(same / pairs - expected) <= within(pairs), `${same / pairs}, ${expected}`);
  });
}

test("turns of a session follow their quantiles", () => {
  const seed = testSeed("turns");
  const random = seededRandom(seed);
  const drawn = Array.from({ length: DRAWS }, () => agenticTurns(random.next()));
  for (const [share, turns] of TURNS) {
    const upTo = drawn.filter((drawnTurns) => drawnTurns <= turns).length / DRAWS;
    const before = drawn.filter((drawnTurns) => drawnTurns < turns).length / DRAWS;
    const slack = within(DRAWS);
    assert.ok(before <= share + slack && upTo >= share - slack, `${turns}: ${before}…${upTo}`);
  }
});

test("ranks are drawn by Zipf's law", () => {
  const seed = testSeed("zipf");
  const random = seededRandom(seed);
  const draw = zipf(64);
  const counts = new Map<number, number>();
  for (let i = 0; i < DRAWS; i++) {
    const rank = draw(random);
    counts.set(rank, (counts.get(rank) ?? 0) + 1);
  }
  const sum = Array.from({ length: 64 }, (_, i) => 1 / (i + 1)).reduce((a, b) => a + b, 0);
  for (const rank of [0, 1, 7, 63]) {
    const share = (counts.get(rank) ?? 0) / DRAWS;
    assert.ok(Math.abs(share - 1 / (rank + 1) / sum) <= within(DRAWS), `rank ${rank}: ${share}`);
  }
  assert.ok([...counts.keys()].every((rank) => rank >= 0 && rank < 64));
});
