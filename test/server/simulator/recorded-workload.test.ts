import assert from "node:assert/strict";
import { test } from "node:test";
import type { Recording } from "../../../server/scheduler/recording.ts";
import { calibrate, calibrationLine } from "../../../server/simulator/calibration.ts";
import { recordedWorkload } from "../../../server/simulator/recorded-workload.ts";
import { simulate } from "../../../server/simulator/simulate.ts";
import type { Workload } from "../../../server/simulator/workload.ts";
import { recorded as record } from "./recorded.ts";
import { crowded, rollout, workload } from "./workloads.ts";

const ENGINE = { prefillChunk: 512, blockTokens: 16 };

test("a recorded run simulated again takes as long, with the same lengths", () => {
  const given = crowded(3);
  const seconds = { makespan: 0 };
  const recorded = recordedWorkload(record(given, seconds), ENGINE);
  assert.equal(recorded.leftOut, 0);
  assert.ok(Math.abs(recorded.measuredSeconds - seconds.makespan) < 1e-6);
  const lengths = (of: Workload): [string, number][] =>
    of.rollouts
      .map(({ id, outputTokens }): [string, number] => [id.replace("simulated/", ""), outputTokens])
      .sort(([a], [b]) => a.localeCompare(b));
  assert.deepEqual(lengths(recorded.workload), lengths(given));
  const run = simulate(recorded.workload);
  const calibration = calibrate(run, recorded);
  assert.ok(Math.abs(calibration.apart) < 0.05, `${calibration.apart}`);
  assert.match(calibrationLine(calibration), /% apart\n$/);
});

test("turns of a session keep their order and their gaps", () => {
  const turn = (n: number) => ({ session: { id: "s", turn: n, gapSeconds: n === 0 ? 0 : 2 } });
  const given = workload([rollout("a", turn(0)), rollout("b", turn(1))]);
  const { rollouts } = recordedWorkload(record(given, { makespan: 0 }), ENGINE).workload;
  assert.deepEqual(
    rollouts.map(({ session }) => [session?.turn, Math.round(session?.gapSeconds ?? -1)]),
    [
      [0, 0],
      [1, 2],
    ],
  );
});

test("siblings share their prompt by the engine's blocks, beyond those of their cards", () => {
  const sibling = (index: number) =>
    rollout(`r${index}`, {
      group: { id: "g", size: 3, index },
      arrivalSeconds: index,
      prompt: index === 2 ? "another" : "one",
      promptTokens: 300,
      prefix: [7],
    });
  const recording = record(workload([sibling(0), sibling(1), sibling(2)]), { makespan: 0 });
  const { workload: made } = recordedWorkload(recording, ENGINE);
  const [first, second, third] = made.rollouts.map(({ prefix }) => prefix);
  assert.equal(first?.length, 18);
  assert.equal(new Set(first).size, 18);
  assert.equal(first?.[15], 7);
  assert.deepEqual(first, second);
  assert.deepEqual(first?.slice(0, 16), third?.slice(0, 16));
  assert.notEqual(first?.[16], third?.[16]);
  // One whole, then what is beyond 18 blocks, then what is beyond the one block in common; the card still says one.
  assert.equal(simulate(made).prefilledTokens, 300 + 12 + 44);
  const [card] = record(made, { makespan: 0 }).inputs.flatMap(({ event }) =>
    event.type === "offer" ? [event.card] : [],
  );
  assert.deepEqual(card?.prefix, [7]);
  assert.throws(() => recordedWorkload(recording, { ...ENGINE, blockTokens: 24 }), /do not divide/);
});

test("a recording that says too little is refused", () => {
  const empty: Recording = { scheduler: "paceline", seed: 1, options: {}, inputs: [], dropped: 0 };
  assert.throws(() => recordedWorkload(empty, ENGINE), /no rollout finished/);
  assert.throws(() => recordedWorkload({ ...empty, dropped: 3 }, ENGINE), /first 3 inputs/);
  const full = record(workload([rollout("a")]), { makespan: 0 });
  const inputs = full.inputs.filter(({ event }) => event.type !== "telemetry");
  assert.throws(() => recordedWorkload({ ...full, inputs }, ENGINE), /step time/);
});
