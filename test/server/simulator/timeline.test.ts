import assert from "node:assert/strict";
import { test } from "node:test";
import { Agenda } from "../../../server/simulator/agenda.ts";
import { Timeline } from "../../../server/simulator/timeline.ts";

test("however long a run, its samples are bounded and evenly spaced", () => {
  const agenda = new Agenda();
  const sample = { waiting: 0, finished: 0, running: [], kvTokens: [] };
  const timeline = new Timeline(agenda, () => ({ ...sample, seconds: agenda.now }));
  timeline.start();
  while (agenda.now < 5_000) agenda.step();
  const times = timeline.samples.map(({ seconds }) => seconds);
  assert.ok(times.length >= 256 && times.length <= 512, `${times.length}`);
  const gaps = new Set(times.slice(1).map((at, i) => at - (times[i] ?? 0)));
  assert.equal(gaps.size, 1);
});
