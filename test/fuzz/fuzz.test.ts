/** A slice of each campaign; `npm run fuzz` runs longer ones. */
import { describe, test } from "node:test";
import { testSeed } from "../support/seeded-random.ts";
import { CAMPAIGNS } from "./campaigns.ts";

const SLICES: Readonly<Record<string, number>> = {
  http: 1_500,
  bytes: 500,
  grpc: 500,
  engine: 400,
  live: 120,
  dialects: 300,
  answers: 40,
  frames: 8_000,
  replies: 8_000,
  streams: 4_000,
};

describe("fuzz: no crash, no hang, every error typed", { concurrency: false }, () => {
  const seed = testSeed("fuzz");
  for (const [name, run] of Object.entries(CAMPAIGNS)) {
    test(`${name}, ${SLICES[name] ?? 500} inputs`, { timeout: 110_000 }, async () => {
      await run({ seed, count: SLICES[name] ?? 500 });
    });
  }
});
