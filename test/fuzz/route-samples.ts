/** For each call that HTTP serves, bodies and parameters that are right, to be made wrong: a new route needs its own. */
import type { ServedCall } from "../../server/api/http/route-table.ts";

export interface RouteSample {
  readonly bodies: readonly unknown[];
  readonly params?: Readonly<Record<string, string>>;
  readonly queries?: readonly string[];
}

const SPAN = { version: 1, start: 0, end: 2, kv: "pure", attested: "engine" };

/** Every field of a Rollout that this release serves. */
export const FULL_ROLLOUT = {
  id: "fuzzed",
  job: "default",
  policy: "default",
  pool: "default",
  prompt_token_ids: [72, 105, 3],
  media: [],
  sampling: {
    max_new_tokens: 4,
    max_total_tokens: 64,
    min_new_tokens: 1,
    temperature: 0.7,
    top_p: 0.9,
    top_k: 20,
    min_p: 0.05,
    presence_penalty: 0.1,
    frequency_penalty: 0.1,
    repetition_penalty: 1.1,
    stop_token_ids: [9],
    stop: [],
    ignore_eos: false,
    seed: 7,
    logit_bias: { "5": 1.5 },
    allowed_token_ids: [],
    bad_words: [],
    engine: {},
  },
  group: { id: "g", size: 4, index: 1 },
  session: { id: "s", turn: 0, branch: 0, final: false },
  version: { max_lag: 1 },
  on_update: "keep",
  cache: { reuse: "version" },
  resume: "best",
  priority: 0,
  hints: { expected_new_tokens: 3, next_turn: false, latency: "throughput" },
  want: { logprob_modes: ["processed"], top_logprobs: 2, sampling_mask: true },
  timeout_ms: 2_000,
  deliver: "reply",
  encoding: "json",
  required_features: ["sampling.min_p"],
};

const SMALL_ROLLOUT = { prompt_token_ids: [72], sampling: { max_new_tokens: 2 } };

const ROLLOUTS: readonly unknown[] = [
  SMALL_ROLLOUT,
  FULL_ROLLOUT,
  {
    prompt_token_ids: [72, 105],
    sampling: { max_new_tokens: 0 },
    want: { prompt_logprobs: { start: 0 } },
  },
  {
    prompt_token_ids: "SAAAAGkAAAA=",
    sampling: { max_new_tokens: 4, stop_token_ids: "AQAAAA==" },
    encoding: "b64",
  },
  {
    prompt_token_ids: [72],
    sampling: { max_new_tokens: 8 },
    continue: { output_token_ids: [5, 9], logprobs: [-0.1, -2.5], spans: [SPAN] },
  },
  {
    prompt_token_ids: [72],
    sampling: { max_new_tokens: 2, structured: { json: { type: "object" } } },
  },
  { prompt_token_ids: [72], sampling: { max_new_tokens: 2, engine: { beam: { width: [2] } } } },
];

const NONE: readonly unknown[] = [undefined, {}];
const JOB = { job: "fuzzed" };
const WORKER = { id: "w-2" };
const POOL = { pool: "spare" };
const POLICY = { policy: "default" };
const VERSION = { policy: "default", version: "8" };
const OPTIONS = {
  label: { run: "a", step: 8 },
  commit: { mode: "quorum", quorum: 1, timeout_ms: 200, wave: 1 },
  on_update: "keep",
  update_grace_ms: 10,
};
const PAUSES: readonly unknown[] = [undefined, {}, { mode: "keep" }];
const READS = ["", "?job=default", "?encoding=b64", "?timeline=1", "?job=a&job=b", "?x=1"];

export const ROUTE_SAMPLES: Readonly<Record<ServedCall, RouteSample>> = {
  submitRollout: { bodies: ROLLOUTS },
  getRollout: { bodies: [undefined], params: { id: "fuzzed" }, queries: READS },
  abortRollout: { bodies: NONE, params: { id: "fuzzed" }, queries: READS },
  submitMany: {
    bodies: [
      { rollouts: [SMALL_ROLLOUT, SMALL_ROLLOUT] },
      { rollouts: [{ ...SMALL_ROLLOUT, id: "m-1" }], defaults: { sampling: { top_p: 0.5 } } },
      { rollouts: ROLLOUTS, defaults: { job: "default", encoding: "json" } },
    ],
  },
  submitGroup: {
    bodies: [
      { ...SMALL_ROLLOUT, size: 3 },
      { ...SMALL_ROLLOUT, id: "g-1", size: 4, need: 2, sampling: { max_new_tokens: 3, seed: 1 } },
    ],
  },
  readSide: { bodies: [undefined], params: { ref: "0a-1" }, queries: ["", "?job=default", "?x=1"] },
  finishSession: { bodies: NONE, params: { id: "s" }, queries: ["", "?job=default", "?x=1"] },
  listJobs: { bodies: [undefined], queries: ["", "?x=1"] },
  getJob: { bodies: [undefined], params: JOB },
  declareJob: {
    bodies: [
      {},
      {
        policy: "default",
        batch_groups: 4,
        eta: 1,
        on_infeasible: "flag",
        on_update: "keep",
        update_grace_ms: 10,
        quota: { max_in_flight: 100, max_running: 10 },
        weight: 1.5,
        pools: ["spare"],
        mixed_engines: false,
        logprob_modes: ["processed"],
        resume: "best",
        over_issue: 0.1,
        backfill: 1,
      },
    ],
    params: JOB,
  },
  reportTrainer: {
    bodies: [{ version: 7, step: 3, batch_groups: 4, rejected_groups: 0 }],
    params: JOB,
  },
  abortJob: { bodies: NONE, params: JOB },
  listWorkers: { bodies: [undefined], queries: ["", "?x=1"] },
  registerWorker: {
    bodies: [
      {
        url: "http://127.0.0.1:1",
        engine: "simulated",
        id: "w-9",
        pool: "spare",
        role: "full",
        parallel: { tp: 1, dp: 2 },
        policies: ["default"],
      },
    ],
  },
  getWorker: { bodies: [undefined], params: WORKER },
  removeWorker: {
    bodies: NONE,
    params: { id: "w-8" },
    queries: ["", "?drain=finish&timeout_ms=1", "?drain=migrate", "?drain=x", "?timeout_ms=-1"],
  },
  renewWorker: {
    bodies: [
      { incarnation: "inc-1" },
      {
        incarnation: "inc-1",
        versions: [{ policy: "default", version: 7, proof: "digest", load: 1, digest: "d" }],
      },
    ],
    params: WORKER,
  },
  pauseWorker: { bodies: PAUSES, params: WORKER },
  resumeWorker: { bodies: NONE, params: WORKER },
  flushWorker: { bodies: NONE, params: WORKER },
  sleepWorker: { bodies: NONE, params: WORKER },
  wakeWorker: { bodies: NONE, params: WORKER },
  pausePool: { bodies: PAUSES, params: POOL },
  resumePool: { bodies: NONE, params: POOL },
  flushPool: { bodies: NONE, params: POOL },
  sleepPool: { bodies: NONE, params: POOL },
  wakePool: { bodies: NONE, params: POOL },
  listPolicies: { bodies: [undefined] },
  getPolicy: { bodies: [undefined], params: POLICY },
  declarePolicy: {
    bodies: [
      {},
      { kind: "full", commit: "all", on_update: "keep", update_grace_ms: 10, min_proof: "receipt" },
      { kind: "lora", base: "default" },
    ],
    params: { policy: "fuzzed" },
  },
  openRun: { bodies: [{ run: "a" }, { run: "b", opener: "o" }], params: { policy: "fuzzed" } },
  rollbackVersion: { bodies: [{}, OPTIONS], params: VERSION, queries: ["", "?wait=x"] },
  publishVersion: {
    bodies: [
      { source: { path: "/nowhere/bad" } },
      { source: { external: {} }, ...OPTIONS },
      { source: { path: "/nowhere/bad" }, format: "full", run_epoch: 1, ...OPTIONS },
    ],
    params: { policy: "fuzzed" },
    queries: ["", "?wait=committed", "?wait=x"],
  },
  getVersion: { bodies: [undefined], params: VERSION },
  abortVersion: { bodies: NONE, params: VERSION },
  gateVersion: { bodies: NONE, params: VERSION },
  commitVersion: {
    bodies: [
      { proofs: [{ worker: "w-1", fence: "f-1", digest: "d".repeat(64) }] },
      { proofs: [{ worker: "w-1", fence: "f-0", reported: 3 }] },
    ],
    params: VERSION,
  },
  readEvents: {
    bodies: [undefined],
    queries: [
      "?follow=false",
      "?follow=false&from=3",
      "?from=-1",
      "?from=99999999",
      "?follow=x",
      "",
    ],
  },
  alive: { bodies: [undefined] },
  ready: { bodies: [undefined] },
  metrics: { bodies: [undefined] },
  openapi: { bodies: [undefined] },
  overview: { bodies: [undefined] },
  docs: { bodies: [undefined] },
  page: { bodies: [undefined] },
};
