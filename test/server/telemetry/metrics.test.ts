import assert from "node:assert/strict";
import { test } from "node:test";
import { createMetrics, type Readings } from "../../../server/telemetry/metrics.ts";

const READINGS: Readings = {
  queueDepth: () => 0,
  regime: () => ({ regime: "in_order", rho: 0, sigmaErr: Number.NaN, coverage: Number.NaN }),
  sessions: () => ({ alive: 3, paused: 1 }),
  inflight: () => 0,
  workersByState: () => ({}),
  committedVersions: () => [],
  workerVersions: () => [],
  kvUsed: () => [],
  distances: () => [],
  spool: () => null,
  kept: () => ({ rollouts: 0, outputTokens: 0 }),
};

/** Of the public surface: those that a server without feeds, relays and bounds can tell. */
const PUBLIC = [
  "paceline_policy_committed_version gauge",
  "paceline_worker_version gauge",
  "paceline_worker_version_lag gauge",
  "paceline_token_version_lag histogram",
  "paceline_stale_tokens_total counter",
  "paceline_unattested_tokens_total counter",
  "paceline_kv_tokens_total counter",
  "paceline_rollouts_total counter",
  "paceline_rollout_duration_seconds histogram",
  "paceline_queue_depth gauge",
  "paceline_regime gauge",
  "paceline_rho gauge",
  "paceline_prediction_sigma gauge",
  "paceline_prediction_coverage gauge",
  "paceline_queue_seconds histogram",
  "paceline_inflight gauge",
  "paceline_output_tokens_total counter",
  "paceline_wasted_tokens_total counter",
  "paceline_infeasible_rollouts_total counter",
  "paceline_kept_rollouts gauge",
  "paceline_kept_tokens gauge",
  "paceline_kept_total counter",
  "paceline_groups_total counter",
  "paceline_group_members_total counter",
  "paceline_group_replaced_total counter",
  "paceline_group_mean_tokens_total counter",
  "paceline_moves_total counter",
  "paceline_attempts_total counter",
  "paceline_kv_used_ratio gauge",
  "paceline_workers gauge",
  "paceline_sessions gauge",
  "paceline_weight_update_seconds histogram",
  "paceline_generation_pause_seconds histogram",
  "paceline_event_loop_delay_seconds gauge",
  "paceline_errors_total counter",
  "paceline_cached_prompt_ratio gauge",
  "paceline_makespan_ratio gauge",
  "paceline_tail_rho gauge",
  "paceline_tail_share gauge",
  "paceline_below_bound_total counter",
  "paceline_spool_bytes gauge",
  "paceline_spool_segments gauge",
  "paceline_side_unwritten_bytes gauge",
  "paceline_side_parts_total counter",
];

test("every name of the public surface is told with its type, and once", async (t) => {
  const metrics = createMetrics(READINGS);
  t.after(() => metrics.close());
  const types = (await metrics.text()).split("\n").filter((line) => line.startsWith("# TYPE"));
  assert.deepEqual(
    types.filter((type) => !PUBLIC.includes(type.slice("# TYPE ".length))),
    [],
    "names beyond the public surface",
  );
  assert.equal(types.length, PUBLIC.length);
});

test("two servers in one process do not count each other's", async (t) => {
  const [one, two] = [createMetrics(READINGS), createMetrics(READINGS)];
  t.after(() => [one.close(), two.close()]);
  one.stale.inc(3);
  assert.match(await one.text(), /^paceline_stale_tokens_total 3$/m);
  assert.match(await two.text(), /^paceline_stale_tokens_total 0$/m);
});

test("a worker that is gone leaves no figure behind", async (t) => {
  let workers = [{ worker: "w-1", policy: "p", version: 1, lag: 0 }];
  const metrics = createMetrics({ ...READINGS, workerVersions: () => workers });
  t.after(() => metrics.close());
  assert.match(await metrics.text(), /paceline_worker_version\{worker="w-1",policy="p"\} 1/);
  workers = [];
  assert.doesNotMatch(await metrics.text(), /w-1/);
});

test("the lag histogram is one as Prometheus wants it: cumulative, with sum and count", async (t) => {
  const metrics = createMetrics(READINGS);
  t.after(() => metrics.close());
  for (const [lag, tokens] of [
    [0, 10],
    [1, 5],
    [3, 2],
    [500, 1],
  ] as const) {
    metrics.tokenLag.observe("p", lag, tokens);
  }
  const lines = (await metrics.text()).split("\n").filter((line) => line.includes("token_version"));
  const buckets = lines.filter((line) => line.includes("_bucket"));
  const counts = buckets.map((line) => Number(line.split(" ").at(-1)));
  assert.deepEqual(
    counts,
    counts.toSorted((a, b) => a - b),
  );
  assert.match(buckets.at(-1) ?? "", /le="\+Inf"\} 18$/);
  assert.ok(lines.includes('paceline_token_version_lag_sum{policy="p"} 511'));
  assert.ok(lines.includes('paceline_token_version_lag_count{policy="p"} 18'));
});

test("the distance to the bound is told of each job, and without one of the last call of many", async (t) => {
  const job = { job: "grpo", ratio: 1.5, rho: 0.5, tailShare: null };
  const metrics = createMetrics({ ...READINGS, distances: () => [job] });
  t.after(() => metrics.close());
  assert.doesNotMatch(await metrics.text(), /^paceline_makespan_ratio [^{]*$/m);
  metrics.lastMany({ ratio: 1.25, rho: 2, tailShare: 0.25 });
  const text = await metrics.text();
  for (const line of [
    "paceline_makespan_ratio 1.25",
    'paceline_makespan_ratio{job="grpo"} 1.5',
    "paceline_tail_rho 2",
    'paceline_tail_rho{job="grpo"} 0.5',
    "paceline_tail_share 0.25",
  ]) {
    assert.ok(text.split("\n").includes(line), line);
  }
  assert.doesNotMatch(text, /paceline_tail_share\{/);
});
