import assert from "node:assert/strict";
import { test } from "node:test";
import { plotRun } from "../../../server/simulator/plot.ts";
import { simulate } from "../../../server/simulator/simulate.ts";
import { tableOf } from "../../../server/simulator/table.ts";
import { crowded, rollout, worker, workload } from "./workloads.ts";

const numbers = (svg: string, attribute: string): number[] =>
  [...svg.matchAll(new RegExp(` ${attribute}="([^"]*)"`, "g"))].map(([, value]) => Number(value));

test("a picture of finite numbers inside its frame, with the name made safe", () => {
  const given = { ...crowded(7), name: "a<b>&c" };
  const svg = plotRun(simulate(given));
  const title = svg.slice(0, 600);
  assert.match(title, /a&lt;b&gt;&amp;c/);
  assert.match(title, /T\/LB \d+\.\d{3}/);
  for (const attribute of ["x", "y", "width", "height", "x1", "x2"]) {
    for (const value of numbers(svg, attribute)) assert.ok(value >= 0 && value <= 960, `${value}`);
  }
  assert.equal(/NaN|Infinity|undefined/.exec(svg), null);
});

test("thousands of workers are drawn as at most 96 rows", () => {
  const workers = Array.from({ length: 1_000 }, (_, i) => worker(`w${i}`));
  const given = workload([rollout("a"), rollout("b")], workers);
  const svg = plotRun(simulate(given));
  assert.equal(new Set(svg.match(/y="\d+\.\d" width/g)).size <= 96, true);
});

test("a run of nothing has a table too", () => {
  assert.match(tableOf(simulate(workload([]))), /^finished +0$/m);
});
