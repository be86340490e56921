/** A slice of the chaos run; `npm run chaos` is the long one. `PACELINE_TEST_SEED` draws the same again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { testSeed } from "../support/seeded-random.ts";
import { runChaos } from "./chaos-run.ts";
import { table } from "./table.ts";

test("under kills, pauses, drains, updates and leaving clients nothing is lost, doubled, misaligned or misversioned", async () => {
  const seed = testSeed("chaos");
  const outcome = await runChaos({ seed, ms: 15_000, workers: 3, lanes: 12, regenerated: 50 });
  console.log(table(outcome).replace(/^/gm, "# "));
  assert.deepEqual(outcome.findings.slice(0, 20), [], outcome.lines.slice(-60).join("\n"));
  assert.ok(outcome.regenerated.results > 0);
});
