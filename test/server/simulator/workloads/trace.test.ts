import assert from "node:assert/strict";
import { test } from "node:test";
import { PacelineError } from "../../../../server/contract/errors.ts";
import type { RoundsSpec, TrainerSpec } from "../../../../server/simulator/workload.ts";
import { PRESET_NAMES, presetWorkload } from "../../../../server/simulator/workloads/presets.ts";
import { readTrace, writeTrace } from "../../../../server/simulator/workloads/trace.ts";
import { testSeed } from "../../../support/seeded-random.ts";

const NAMELESS = { name: "given", fleet: null };

const HEADER = {
  workload: "tiny",
  block_tokens: 256,
  policies: [{ name: "p" }, { name: "a", base: "p" }],
  fleet: {
    workers: [
      {
        id: "w",
        kv_tokens: 4_000,
        max_running: 4,
        step: { a: 0.01, s: 0.001 },
        prefill_tokens_per_second: 1_000,
        prefill_chunk: 512,
      },
    ],
  },
};
const LINE = {
  id: "r",
  timestamp: 0,
  input_length: 600,
  output_length: 20,
  max_output_length: 30,
  hash_ids: [1, 2],
};

const lines = (...values: unknown[]): string[] => values.map((value) => JSON.stringify(value));

for (const name of PRESET_NAMES) {
  test(`${name} is the same after a trace`, () => {
    const seed = testSeed(`trace ${name}`);
    const workload = presetWorkload(name, seed, { groups: 12, sessions: 6 });
    const read = readTrace(writeTrace(workload), NAMELESS);
    // Milliseconds of arrivals are rounded in their last bit.
    const rounded = {
      ...workload,
      rollouts: workload.rollouts.map((rollout) => ({
        ...rollout,
        arrivalSeconds: (rollout.arrivalSeconds * 1_000) / 1_000,
        session: rollout.session && {
          ...rollout.session,
          gapSeconds: (rollout.session.gapSeconds * 1_000) / 1_000,
        },
      })),
    };
    assert.deepEqual(read, rounded);
  });
}

test("a trainer's rounds are the same after a trace", () => {
  const given = presetWorkload("async", 1, { groups: 1 });
  const step = { batchGroups: 4, stepSeconds: 30, pauseSeconds: 2 };
  const cases: readonly RoundsSpec[] = [
    { issue: 1.25, leftover: "resume" },
    { issue: 2, need: 4, leftover: "long-round" },
  ];
  for (const rounds of cases) {
    const trainer: TrainerSpec = { ...step, rounds };
    assert.deepEqual(readTrace(writeTrace({ ...given, trainer }), NAMELESS).trainer, trainer);
  }
});

test("a trace of Mooncake is read as it is", () => {
  const { fleet } = presetWorkload("short16k", 1);
  const [first, second] = [
    { timestamp: 2_000, input_length: 1_100, output_length: 52, hash_ids: [46, 47, 48] },
    { timestamp: 1_000, input_length: 1_024, output_length: 10, hash_ids: [46, 47] },
  ];
  const { name, policies, rollouts } = readTrace(lines(first, second), { name: "moon", fleet });
  assert.equal(name, "moon");
  assert.deepEqual(policies, [{ name: "policy", base: null }]);
  assert.deepEqual(
    rollouts.map(({ id }) => id),
    ["line-2", "line-1"],
  );
  assert.deepEqual(rollouts[0]?.prefix, [92, 93, 94, 95]);
  // The rest of a last block that is not full is nobody's prefix.
  assert.deepEqual(rollouts[1]?.prefix, [92, 93, 94, 95]);
  assert.equal(rollouts[0]?.maxNewTokens, 52, "a length does not give itself away");
});

const REFUSED: readonly (readonly [what: string, lines: string[], line: number, path: string])[] = [
  ["no rollout", lines(HEADER), 1, ""],
  ["no JSON", [...lines(HEADER), "{"], 2, ""],
  ["no fleet", lines({ ...HEADER, fleet: null }, LINE), 1, "fleet"],
  ["an unknown field", lines(HEADER, { ...LINE, output: 3 }), 2, ""],
  ["no output", lines(HEADER, { ...LINE, output_length: 0 }), 2, "output_length"],
  ["half a token", lines(HEADER, { ...LINE, input_length: 0.5 }), 2, "input_length"],
  ["time before the start", lines(HEADER, { ...LINE, timestamp: -1 }), 2, "timestamp"],
  ["endless time", [...lines(HEADER), '{"timestamp":1e999}'], 2, "timestamp"],
  ["more than its most", lines(HEADER, { ...LINE, output_length: 31 }), 2, "output_length"],
  ["more than a worker holds", lines(HEADER, { ...LINE, input_length: 3_990 }), 2, "input_length"],
  ["blocks beyond the prompt", lines(HEADER, { ...LINE, hash_ids: [1, 2, 3, 4] }), 2, "hash_ids"],
  ["an id twice", lines(HEADER, LINE, LINE), 3, "id"],
  ["another's policy", lines(HEADER, { ...LINE, policy: "x" }), 2, "policy"],
  [
    "a member beyond its group",
    lines(HEADER, { ...LINE, group: { id: "g", size: 2, index: 2 } }),
    2,
    "group.index",
  ],
  [
    "a member twice",
    lines(
      HEADER,
      { ...LINE, group: { id: "g", size: 2, index: 1 } },
      { ...LINE, id: "s", group: { id: "g", size: 2, index: 1 } },
    ),
    3,
    "group.index",
  ],
  [
    "a turn that is missing",
    lines(HEADER, { ...LINE, session: { id: "s", turn: 1, gap_ms: 0 } }),
    2,
    "session.turn",
  ],
  [
    "a turn before the one before",
    lines(
      HEADER,
      { ...LINE, timestamp: 5, session: { id: "s", turn: 0, gap_ms: 0 } },
      { ...LINE, id: "s", timestamp: 4, session: { id: "s", turn: 1, gap_ms: 0 } },
    ),
    3,
    "timestamp",
  ],
  [
    "a worker without KV",
    lines({ ...HEADER, fleet: { workers: [{ ...HEADER.fleet.workers[0], kv_tokens: 0 }] } }, LINE),
    1,
    "fleet.workers.0.kv_tokens",
  ],
  [
    "a step of no time",
    lines(
      { ...HEADER, fleet: { workers: [{ ...HEADER.fleet.workers[0], step: { a: 0, s: 0 } }] } },
      LINE,
    ),
    1,
    "fleet.workers.0.step.a",
  ],
  [
    "a base that is not there",
    lines({ ...HEADER, policies: [{ name: "a", base: "b" }] }, LINE),
    1,
    "policies",
  ],
  ["odd blocks", lines({ ...HEADER, block_tokens: 100 }, LINE), 1, "block_tokens"],
];

for (const [what, trace, line, path] of REFUSED) {
  test(`refused: ${what}`, () => {
    assert.throws(
      () => readTrace(trace, NAMELESS),
      (thrown) => {
        assert.ok(thrown instanceof PacelineError);
        assert.equal(thrown.code, "invalid_argument");
        assert.deepEqual(thrown.details, { line, path });
        assert.ok(thrown.message.startsWith(`line ${line}`));
        return true;
      },
    );
  });
}
