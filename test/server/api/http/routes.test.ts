/** Every route of the table: what is served answers, what is not yet refuses in the table's own words. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { openapiDocument } from "../../../../server/api/http/openapi.ts";
import {
  LATER_ROUTES,
  ROUTES,
  SERVED_ROUTES,
  type ServedCall,
} from "../../../../server/api/http/route-table.ts";
import { ERRORS } from "../../../../server/contract/errors.ts";
import { type Serving, serveHttp } from "../../../support/serve-http.ts";

interface Case {
  readonly path?: string;
  readonly body?: unknown;
  readonly status?: number;
  /** A part of the body. */
  readonly has?: Readonly<Record<string, unknown>>;
  /** What the fleet was told. */
  readonly told?: readonly string[];
}

const ROLLOUT = { id: "r-1", prompt_token_ids: [72], sampling: { max_new_tokens: 2 } };
const WORKER = { id: "w-1", state: "ready", incarnation: "inc-1" };

/** In order: the rollout is made by the first, the worker is removed by the last. */
const CASES: Readonly<Record<ServedCall, Case>> = {
  submitRollout: { body: ROLLOUT, has: { id: "r-1", job: "default", logprob_mode: "processed" } },
  getRollout: { path: "/v1/rollouts/r-1", has: { id: "r-1", output_token_ids: [13, 7932] } },
  abortRollout: { path: "/v1/rollouts/r-1?job=default", has: { id: "r-1" } },
  submitMany: { body: { rollouts: [ROLLOUT] } },
  submitGroup: {
    body: { id: "g", size: 2, prompt_token_ids: [72], sampling: { max_new_tokens: 2 } },
    has: {
      group: {
        ...{ id: "g", size: 2, need: 2, finished: 2, members: 2, ended: "need", replaced: [] },
        cut: { members: 0, tokens: 0 },
        lengths: {
          kept: { mean: 2, p50: 2, p90: 2 },
          all: { mean: 2, p50: 2, p90: 2 },
          bias: 0,
        },
        off_policy_share: 0,
      },
    },
  },
  readSide: { path: "/v1/side/side-1?job=default" },
  finishSession: {
    path: "/v1/sessions/s/finish?job=default",
    has: { id: "s", job: "default", turns: 1, branches: 1 },
  },
  listWorkers: {},
  registerWorker: {
    body: { url: "http://127.0.0.1:9002", engine: "embedded", id: "w-2" },
    has: { id: "w-2", url: "http://127.0.0.1:9002" },
  },
  getWorker: { path: "/v1/workers/w-1", has: { ...WORKER, lease_ms: 10_000 } },
  renewWorker: {
    path: "/v1/workers/w-1/lease",
    body: { incarnation: "inc-1" },
    has: { ...WORKER, lease_ms: 20_000 },
    told: ["renew w-1"],
  },
  pauseWorker: {
    path: "/v1/workers/w-1/pause",
    body: { mode: "retract" },
    has: { ...WORKER, state: "paused" },
    told: ["pause w-1 retract"],
  },
  resumeWorker: { path: "/v1/workers/w-1/resume", has: WORKER, told: ["resume w-1"] },
  flushWorker: { path: "/v1/workers/w-1/flush", has: WORKER, told: ["flush w-1"] },
  sleepWorker: {
    path: "/v1/workers/w-1/sleep",
    has: { ...WORKER, state: "asleep" },
    told: ["sleep w-1"],
  },
  wakeWorker: { path: "/v1/workers/w-1/wake", has: WORKER, told: ["wake w-1"] },
  pausePool: {
    path: "/v1/pools/default/pause",
    body: { mode: "keep" },
    told: ["pause w-1 keep", "pause w-2 keep"],
  },
  resumePool: { path: "/v1/pools/default/resume", told: ["resume w-1", "resume w-2"] },
  flushPool: { path: "/v1/pools/default/flush", told: ["flush w-1", "flush w-2"] },
  sleepPool: { path: "/v1/pools/default/sleep", told: ["sleep w-1", "sleep w-2"] },
  wakePool: { path: "/v1/pools/default/wake", told: ["wake w-1", "wake w-2"] },
  listJobs: { has: { jobs: [] } },
  declareJob: {
    path: "/v1/jobs/grpo",
    body: { policy: "default", weight: 2, quota: { max_in_flight: 512 } },
    has: { job: "grpo", declared: true, committed_version: 7, trainer: null },
  },
  getJob: { path: "/v1/jobs/grpo", has: { job: "grpo", declared: true } },
  reportTrainer: {
    path: "/v1/jobs/grpo/trainer",
    body: { version: 7, step: 3 },
    has: {
      job: "grpo",
      trainer: {
        version: 7,
        step: 3,
        batch_groups: null,
        rejected_groups: 0,
        reported_at_ms: 1_700_000_000_000,
      },
    },
  },
  abortJob: { path: "/v1/jobs/grpo/abort", has: { job: "grpo", aborted: 0 } },
  listPolicies: {},
  getPolicy: {
    path: "/v1/policies/default",
    has: { policy: "default", committed_version: 7, label: { run: "a", step: 7 } },
  },
  declarePolicy: {
    path: "/v1/policies/other",
    body: { on_update: "finish" },
    has: { policy: "other", on_update: "finish", committed_version: null },
  },
  publishVersion: {
    path: "/v1/policies/default/versions",
    body: { source: { path: "/weights/8" } },
    status: 202,
    has: { version: 8, state: "open" },
  },
  getVersion: {
    path: "/v1/policies/default/versions/8",
    has: { version: 8, state: "transferring", installed: 0 },
  },
  openRun: {
    path: "/v1/policies/default/runs",
    body: { run: "b", opener: "host-1" },
    has: { run: "b", epoch: 1, opener: "host-1", by_name: true },
  },
  rollbackVersion: {
    path: "/v1/policies/default/versions/8/rollback",
    status: 202,
    has: { version: 8, state: "open" },
  },
  gateVersion: {
    path: "/v1/policies/default/versions/8/gate",
    has: { version: 8, state: "gated", lapse_ms: 120_000 },
  },
  commitVersion: {
    path: "/v1/policies/default/versions/8/commit",
    body: { proofs: [{ worker: "w-1", fence: "f-1", digest: "d".repeat(64) }] },
    has: { version: 8, state: "committed", installed: 1 },
  },
  abortVersion: {
    path: "/v1/policies/default/versions/8/abort",
    has: { version: 8, state: "aborted" },
  },
  readEvents: { path: "/v1/events?follow=false" },
  alive: { has: { alive: true } },
  ready: { has: { ready: true } },
  metrics: {},
  openapi: { has: { openapi: "3.1.0" } },
  overview: { has: { workers: [] } },
  docs: {},
  page: {},
  removeWorker: {
    path: "/v1/workers/w-1?drain=migrate",
    has: { id: "w-1", removed: true, drain: "migrate" },
    told: ["remove w-1"],
  },
};

suite("each served route answers", () => {
  let serving: Serving;
  before(async () => {
    serving = await serveHttp();
  });
  after(() => serving.close());

  for (const [call, one] of Object.entries(CASES)) {
    test(call, async () => {
      const route = SERVED_ROUTES.find((served) => served.call === call);
      assert.ok(route);
      const before = serving.fleet.calls.length;
      const { method, path } = route;
      const reply = await serving.client.call(method, one.path ?? path, {
        ...(one.body === undefined ? {} : { body: one.body }),
      });
      assert.equal(reply.status, one.status ?? 200, reply.text);
      for (const [field, value] of Object.entries(one.has ?? {})) {
        const body = reply.json();
        assert.ok(typeof body === "object" && body !== null);
        assert.deepEqual(Reflect.get(body, field), value, field);
      }
      if (one.told !== undefined) assert.deepEqual(serving.fleet.calls.slice(before), one.told);
    });
  }

  test("a drain is asked for with its bound, before the worker goes", () => {
    assert.deepEqual(serving.drains, ["w-1 migrate 60000"]);
  });
});

suite("each route that comes later says so", () => {
  let serving: Serving;
  before(async () => {
    serving = await serveHttp();
  });
  after(() => serving.close());

  for (const { call, method, path } of LATER_ROUTES) {
    test(call, async () => {
      const reply = await serving.client.call(method, path.replace(/\{\w+\}/g, "1"), {
        // Not even read.
        ...(method === "GET" ? {} : { body: "{not json" }),
      });
      assert.equal(reply.status, 501);
      assert.equal(errorOf(reply.json()).code, "unimplemented");
    });
  }

  test("each path refuses the methods that it has not, and names those it has", async () => {
    for (const path of new Set(ROUTES.map((route) => route.path))) {
      const allow = ROUTES.filter((route) => route.path === path).map(({ method }) => method);
      for (const method of ["GET", "POST", "PUT", "DELETE", "PATCH"]) {
        if (allow.some((one) => one === method)) continue;
        const reply = await serving.client.call(method, path.replace(/\{\w+\}/g, "1"));
        assert.equal(reply.status, 405, `${method} ${path}`);
        assert.equal(errorOf(reply.json()).code, "method_not_allowed");
        assert.equal(reply.headers["allow"], allow.join(", "));
      }
    }
  });
});

function errorOf(body: unknown): { code: string } {
  assert.ok(typeof body === "object" && body !== null && "error" in body);
  const { error } = body;
  assert.ok(typeof error === "object" && error !== null && "code" in error);
  assert.ok(typeof error.code === "string" && error.code in ERRORS);
  return { code: error.code };
}

test("the description names every route and only schemas that it has", () => {
  const document = openapiDocument("0.0.0");
  const text = JSON.stringify(document);
  const { paths, components } = document as {
    paths: Record<string, Record<string, { operationId: string }>>;
    components: { schemas: Record<string, unknown> };
  };
  const described = Object.values(paths)
    .flatMap((path) => Object.values(path))
    .map(({ operationId }) => operationId);
  assert.deepEqual(described.sort(), ROUTES.map(({ call }) => call).sort());
  const named = [...text.matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name]) => name ?? "");
  assert.ok(named.length > ROUTES.length);
  for (const name of named) assert.ok(name in components.schemas, name);
});

test("the description says which token each call asks for", () => {
  const { paths, components } = openapiDocument("0.0.0") as {
    paths: Record<string, Record<string, { security: Record<string, string[]>[] }>>;
    components: { securitySchemes: Record<string, { type: string; scheme: string }> };
  };
  const { type, scheme } = components.securitySchemes["bearer"] ?? {};
  assert.deepEqual([type, scheme], ["http", "bearer"]);
  for (const { method, path, scope } of ROUTES) {
    const expected = scope === "none" ? [] : [{ bearer: [scope] }];
    assert.deepEqual(paths[path]?.[method.toLowerCase()]?.security, expected, `${method} ${path}`);
  }
});
