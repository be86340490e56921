import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  decodeJobSettings,
  decodeTrainerReport,
  encodeJob,
  jobName,
} from "../../../../server/api/codec/job.ts";
import { decodeRollout } from "../../../../server/api/codec/rollout.ts";
import type { PacelineError } from "../../../../server/contract/errors.ts";
import { DEFAULT_JOB, type JobSettings } from "../../../../server/contract/job.ts";
import { createJobSchema } from "../../../../server/contract/schema-job.ts";
import type { JobView } from "../../../../server/jobs/job-view.ts";
import { LIMITS } from "../../../../server/limits.ts";

const SETTINGS = {
  policy: "p",
  batch_groups: 64,
  eta: 2,
  on_update: "reprefill",
  update_grace_ms: 4_000,
  quota: { max_in_flight: 512 },
  weight: 2.5,
  logprob_modes: ["raw", "tempered"],
  resume: "required",
};

const VIEW: JobView = {
  job: "a",
  declared: true,
  settings: DEFAULT_JOB,
  load: {
    ...{ inFlight: 9, held: 4, waiting: 3, running: 2 },
    ...{ finished: 7, aborted: 1, failed: 1, outputTokens: 800 },
  },
  trainer: { version: 7, step: 90, batchGroups: 64, rejectedGroups: 3, reportedAt: 1.7e12 },
  committedVersion: 7,
  lag: 1,
  distance: { ratio: 1.4, boundError: 0.02, rho: 0.8, tailShare: 0.3 },
  staleness: { limit: 192, admitted: 130, held: 2, waitsForVersion: null },
};

suite("job settings", () => {
  test("leave out what has its default", () => {
    assert.deepEqual(decodeJobSettings({}), DEFAULT_JOB);
    const nothing = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, null]));
    assert.deepEqual(decodeJobSettings(nothing), DEFAULT_JOB);
  });

  test("come back as they were declared", () => {
    const { settings } = encodeJob({ ...VIEW, settings: decodeJobSettings(SETTINGS) });
    assert.deepEqual(decodeJobSettings(settings), decodeJobSettings(SETTINGS));
    assert.deepEqual({ ...settings, ...SETTINGS, quota: settings.quota }, settings);
  });

  const REFUSED: readonly (readonly [name: string, body: unknown, code: string, path: string])[] = [
    ["no object", [], "invalid_argument", ""],
    ["an unknown field", { etta: 1 }, "invalid_argument", "etta"],
    ["an unknown quota", { quota: { max_waiting: 1 } }, "invalid_argument", "quota.max_waiting"],
    [
      "a quota of nothing",
      { quota: { max_in_flight: 0 } },
      "invalid_argument",
      "quota.max_in_flight",
    ],
    ["a weight of 0", { weight: 0 }, "invalid_argument", "weight"],
    ["a negative weight", { weight: -1 }, "invalid_argument", "weight"],
    ["a batch of nothing", { batch_groups: 0 }, "invalid_argument", "batch_groups"],
    ["half a step", { eta: 0.5 }, "invalid_argument", "eta"],
    ["a policy that is no id", { policy: "a/b" }, "invalid_argument", "policy"],
    ["an unknown fate", { on_infeasible: "retry" }, "invalid_argument", "on_infeasible"],
    [
      "an unknown mode",
      { logprob_modes: ["raw", "cooked"] },
      "invalid_argument",
      "logprob_modes[1]",
    ],
    ["an unknown way to resume", { resume: "maybe" }, "invalid_argument", "resume"],
  ];
  for (const [name, body, code, path] of REFUSED) {
    test(`refuse ${name}`, () => {
      assert.throws(
        () => decodeJobSettings(body),
        (error: PacelineError) => {
          assert.deepEqual([error.code, error.details["path"]], [code, path]);
          return true;
        },
      );
    });
  }
});

suite("a trainer's report", () => {
  test("may leave out its batch and what it rejected", () => {
    const least = { version: 7, step: 3, batchGroups: null, rejectedGroups: 0 };
    assert.deepEqual(decodeTrainerReport({ version: 7, step: 3 }), least);
  });

  for (const [path, body] of [
    ["version", { step: 3 }],
    ["step", { version: 7 }],
    ["step", { version: 7, step: -1 }],
    ["batch_groups", { version: 7, step: 3, batch_groups: 0 }],
    ["rejected_groups", { version: 7, step: 3, rejected_groups: 1.5 }],
    ["label", { version: 7, step: 3, label: {} }],
  ] as const) {
    test(`is refused for its ${path}: ${JSON.stringify(body)}`, () => {
      assert.throws(() => decodeTrainerReport(body), {
        code: "invalid_argument",
        details: { path },
      });
    });
  }
});

test("a job is told as the schema says", () => {
  const wire = encodeJob(VIEW);
  assert.deepEqual(createJobSchema(LIMITS).parse(JSON.parse(JSON.stringify(wire))), wire);
});

test("a name that is none is refused", () => {
  for (const name of ["", "a/b", "x".repeat(129), 7]) {
    assert.throws(() => jobName(name), { code: "invalid_argument", details: { path: "job" } });
  }
});

suite("a rollout of a job", () => {
  const of: JobSettings = {
    ...DEFAULT_JOB,
    policy: "p",
    onUpdate: "finish",
    resume: "never",
    logprobModes: ["raw"],
  };
  const mint = {
    id: () => "minted",
    seed: () => 1,
    job: (job: string) => (job === "a" ? of : DEFAULT_JOB),
  };
  const decode = (body: object) =>
    decodeRollout({ prompt_token_ids: [1], sampling: { max_new_tokens: 1 }, ...body }, mint)
      .rollout;

  test("has what the job says where it says nothing", () => {
    const { policy, onUpdate, resume, want } = decode({ job: "a" });
    assert.deepEqual(
      [policy, onUpdate, resume, want.logprobModes],
      ["p", "finish", "never", ["raw"]],
    );
  });

  test("has its own word first", () => {
    const own = {
      policy: "q",
      on_update: "keep",
      resume: "best",
      want: { logprob_modes: ["tempered"] },
    };
    const { policy, onUpdate, resume, want } = decode({ job: "a", ...own });
    assert.deepEqual(
      [policy, onUpdate, resume, want.logprobModes],
      ["q", "keep", "best", ["tempered"]],
    );
  });

  test("is the same request whatever the job says by then", () => {
    const { bodyHash } = decode({ job: "a" });
    const later = decodeRollout(
      { job: "a", prompt_token_ids: [1], sampling: { max_new_tokens: 1 } },
      { ...mint, job: () => DEFAULT_JOB },
    );
    assert.equal(later.rollout.bodyHash, bodyHash);
    assert.notEqual(decode({ job: "a", policy: "p" }).bodyHash, bodyHash);
  });
});
