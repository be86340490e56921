import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import { createTallies } from "../../../server/telemetry/tallies.ts";

const lines = async (registry: Registry) =>
  (await registry.metrics()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));

test("each combination of labels is counted by itself, and told as it is at each scrape", async () => {
  const registry = new Registry();
  const ends = createTallies(registry, "ends_total", "How they ended", ["finish", "cause"]);
  assert.deepEqual(await lines(registry), []);
  ends.of("stop", "eos").count += 2;
  ends.of("length", "max_new").count++;
  const expected = [
    'ends_total{finish="stop",cause="eos"} 2',
    'ends_total{finish="length",cause="max_new"} 1',
  ];
  assert.deepEqual(await lines(registry), expected);
  assert.deepEqual(await lines(registry), expected, "a scrape adds nothing");
  ends.of("stop", "eos").count++;
  assert.deepEqual((await lines(registry))[0], 'ends_total{finish="stop",cause="eos"} 3');
});
