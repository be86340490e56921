/** Control calls: HTTP and gRPC take the same bodies to the same parts and answer the same, refusals too. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { pino } from "pino";
import type protobuf from "protobufjs";
import { createOpenGatekeeper } from "../../../server/api/auth/gatekeeper.ts";
import { createGrpcFront, type GrpcFront } from "../../../server/api/grpc/front.ts";
import { decodeMessage, encodeMessage } from "../../../server/api/grpc/message-codec.ts";
import { loadProtos } from "../../../server/api/grpc/protos.ts";
import { liveClock } from "../../../server/live-clock.ts";
import {
  createFakeFleet,
  type FakeFleet,
  fakeControl,
  workerRecord,
} from "../../support/front-fakes.ts";
import { errorFromTrailer } from "../../support/grpc-messages.ts";
import { createScriptedRollouts } from "../../support/scripted-rollouts.ts";
import { type Serving, serveHttp } from "../../support/serve-http.ts";

type Body = Readonly<Record<string, unknown>>;

interface Case {
  readonly name: string;
  readonly http: readonly ["GET" | "POST" | "PUT" | "DELETE", string, Body?];
  readonly grpc: readonly [method: string, body: Body];
  /** What both answer instead of a body. */
  readonly refused?: string;
  /** HTTP's status where all is well. */
  readonly status?: number;
}

const REGISTRATION = { url: "http://127.0.0.1:9002", engine: "embedded", id: "w-2", pool: "b" };
const one = (worker: string, action: string, pause?: Body): Case["grpc"] => [
  "FleetService/Control",
  { worker, action, ...(pause ? { pause } : {}) },
];

const PROOFS = [
  { worker: "w-1", fence: "f-1", digest: "d".repeat(64) },
  { worker: "w-2", fence: "f-2", receipt: "d".repeat(64) },
  { worker: "w-3", fence: "f-3", reported: 8 },
];
const STALE = { worker: "w-1", fence: "f-0", digest: "d".repeat(64) };

const OPTIONS: Body = {
  label: { run: "a", step: 8 },
  run_epoch: 3,
  commit: { mode: "rolling", wave: 2, timeout_ms: 9_000 },
  on_update: "finish",
  update_grace_ms: 0,
};

const SETTINGS = {
  ...{ policy: "default", batch_groups: 8, eta: 1, on_update: "finish", weight: 2 },
  ...{ quota: { max_in_flight: 64 }, logprob_modes: ["raw"], resume: "never" },
};

const CASES: readonly Case[] = [
  { name: "List", http: ["GET", "/v1/workers"], grpc: ["FleetService/List", {}] },
  {
    name: "Register",
    http: ["POST", "/v1/workers", REGISTRATION],
    grpc: ["FleetService/Register", REGISTRATION],
  },
  {
    name: "Register where nobody answers",
    http: ["POST", "/v1/workers", { url: "http://127.0.0.1:1", engine: "embedded" }],
    grpc: ["FleetService/Register", { url: "http://127.0.0.1:1", engine: "embedded" }],
    refused: "engine_unreachable",
  },
  {
    name: "Register with a url that is none",
    http: ["POST", "/v1/workers", { url: "nowhere", engine: "embedded" }],
    grpc: ["FleetService/Register", { url: "nowhere", engine: "embedded" }],
    refused: "invalid_argument",
  },
  {
    name: "Renew",
    http: ["POST", "/v1/workers/w-1/lease", { incarnation: "inc-1" }],
    grpc: ["FleetService/Renew", { id: "w-1", lease: { incarnation: "inc-1" } }],
  },
  {
    name: "Renew of an older incarnation",
    http: ["POST", "/v1/workers/w-1/lease", { incarnation: "old" }],
    grpc: ["FleetService/Renew", { id: "w-1", lease: { incarnation: "old" } }],
    refused: "lease_lost",
  },
  {
    name: "Renew with versions",
    http: [
      "POST",
      "/v1/workers/w-1/lease",
      {
        incarnation: "inc-1",
        versions: [{ policy: "default", version: 7, proof: "digest", load: 1 }],
      },
    ],
    grpc: [
      "FleetService/Renew",
      {
        id: "w-1",
        lease: {
          incarnation: "inc-1",
          versions: [{ policy: "default", version: 7, proof: "digest", load: 1 }],
        },
      },
    ],
    refused: "unsupported",
  },
  ...(["resume", "flush", "sleep", "wake"] as const).map(
    (action): Case => ({
      name: `${action} of a worker`,
      http: ["POST", `/v1/workers/w-1/${action}`],
      grpc: one("w-1", action),
    }),
  ),
  {
    name: "pause of a worker",
    http: ["POST", "/v1/workers/w-1/pause", { mode: "retract" }],
    grpc: one("w-1", "pause", { mode: "retract" }),
  },
  {
    name: "pause of a worker that is none",
    http: ["POST", "/v1/workers/nobody/pause", {}],
    grpc: one("nobody", "pause"),
    refused: "not_found",
  },
  {
    name: "resume of a pool",
    http: ["POST", "/v1/pools/default/resume"],
    grpc: ["FleetService/Control", { pool: "default", action: "resume" }],
  },
  {
    name: "flush of a pool that is empty",
    http: ["POST", "/v1/pools/c/flush"],
    grpc: ["FleetService/Control", { pool: "c", action: "flush" }],
    refused: "not_found",
  },
  {
    name: "Declare",
    http: ["PUT", "/v1/policies/p", { on_update: "finish", update_grace_ms: 5 }],
    grpc: [
      "PolicyService/Declare",
      { policy: "p", declaration: { on_update: "finish", update_grace_ms: 5 } },
    ],
  },
  {
    name: "Get",
    http: ["GET", "/v1/policies/default"],
    grpc: ["PolicyService/Get", { policy: "default" }],
  },
  {
    name: "Get of a policy that is none",
    http: ["GET", "/v1/policies/nobody"],
    grpc: ["PolicyService/Get", { policy: "nobody" }],
    refused: "not_found",
  },
  {
    name: "Publish",
    http: ["POST", "/v1/policies/default/versions", { source: { path: "/w" }, ...OPTIONS }],
    grpc: [
      "PolicyService/Publish",
      {
        policy: "default",
        publication: { source: { path: "/w" }, ...OPTIONS },
      },
    ],
    status: 202,
  },
  {
    name: "Publish of a file that holds nothing",
    http: ["POST", "/v1/policies/default/versions", { source: { path: "/bad" } }],
    grpc: [
      "PolicyService/Publish",
      { policy: "default", publication: { source: { path: "/bad" } } },
    ],
    refused: "weights_rejected",
  },
  {
    name: "Publish without a source",
    http: ["POST", "/v1/policies/default/versions", { source: {} }],
    grpc: ["PolicyService/Publish", { policy: "default", publication: { source: {} } }],
    refused: "invalid_argument",
  },
  {
    name: "OpenRun",
    http: ["POST", "/v1/policies/default/runs", { run: "b", opener: "host-1.7" }],
    grpc: [
      "PolicyService/OpenRun",
      { policy: "default", opening: { run: "b", opener: "host-1.7" } },
    ],
  },
  {
    name: "OpenRun without a name",
    http: ["POST", "/v1/policies/default/runs", {}],
    grpc: ["PolicyService/OpenRun", { policy: "default", opening: {} }],
    refused: "invalid_argument",
  },
  {
    name: "Rollback with all that it may say",
    http: ["POST", "/v1/policies/default/versions/8/rollback", OPTIONS],
    grpc: ["PolicyService/Rollback", { policy: "default", version: 8, rollback: OPTIONS }],
    status: 202,
  },
  {
    name: "Rollback with a quorum of nobody",
    http: ["POST", "/v1/policies/default/versions/8/rollback", { commit: { quorum: 0 } }],
    grpc: [
      "PolicyService/Rollback",
      { policy: "default", version: 8, rollback: { commit: { quorum: 0 } } },
    ],
    refused: "invalid_argument",
  },
  {
    name: "Rollback",
    http: ["POST", "/v1/policies/default/versions/8/rollback"],
    grpc: ["PolicyService/Rollback", { policy: "default", version: 8 }],
    status: 202,
  },
  {
    name: "Publish of what somebody else moves",
    http: ["POST", "/v1/policies/default/versions", { source: { external: {} } }],
    grpc: [
      "PolicyService/Publish",
      { policy: "default", publication: { source: { external: {} } } },
    ],
    status: 202,
  },
  {
    name: "Gate",
    http: ["POST", "/v1/policies/default/versions/8/gate"],
    grpc: ["PolicyService/Gate", { policy: "default", version: 8 }],
  },
  {
    name: "Commit with a proof of each kind",
    http: ["POST", "/v1/policies/default/versions/8/commit", { proofs: PROOFS }],
    grpc: ["PolicyService/Commit", { policy: "default", version: 8, commit: { proofs: PROOFS } }],
  },
  {
    name: "Commit with a stale fence",
    http: ["POST", "/v1/policies/default/versions/8/commit", { proofs: [STALE] }],
    grpc: ["PolicyService/Commit", { policy: "default", version: 8, commit: { proofs: [STALE] } }],
    refused: "version_conflict",
  },
  {
    name: "Commit with a proof that proves nothing",
    http: [
      "POST",
      "/v1/policies/default/versions/8/commit",
      { proofs: [{ worker: "w-1", fence: "f-1" }] },
    ],
    grpc: [
      "PolicyService/Commit",
      { policy: "default", version: 8, commit: { proofs: [{ worker: "w-1", fence: "f-1" }] } },
    ],
    refused: "invalid_argument",
  },
  {
    name: "Commit without proofs",
    http: ["POST", "/v1/policies/default/versions/8/commit", {}],
    grpc: ["PolicyService/Commit", { policy: "default", version: 8 }],
    refused: "invalid_argument",
  },
  {
    name: "Abort of a version",
    http: ["POST", "/v1/policies/default/versions/8/abort"],
    grpc: ["PolicyService/Abort", { policy: "default", version: 8 }],
  },
  { name: "List of no jobs", http: ["GET", "/v1/jobs"], grpc: ["JobService/List", {}] },
  {
    name: "Declare of a job",
    http: ["PUT", "/v1/jobs/a", SETTINGS],
    grpc: ["JobService/Declare", { job: "a", settings: SETTINGS }],
  },
  ...(
    [
      ["whose eta has no batches", { eta: 1 }, "invalid_argument"],
      ["with a quota of nothing", { quota: { max_in_flight: 0 } }, "invalid_argument"],
      ["with a negative weight", { weight: -1 }, "invalid_argument"],
      ["of a policy that is none", { policy: "nobody" }, "not_found"],
    ] as const
  ).map(
    ([name, settings, refused]): Case => ({
      name: `Declare of a job ${name}`,
      http: ["PUT", "/v1/jobs/a", settings],
      grpc: ["JobService/Declare", { job: "a", settings }],
      refused,
    }),
  ),
  {
    name: "Declare of a job whose name is none",
    http: ["PUT", "/v1/jobs/a%2Fb", {}],
    grpc: ["JobService/Declare", { job: "a/b", settings: {} }],
    refused: "invalid_argument",
  },
  {
    name: "Report of a trainer",
    http: ["POST", "/v1/jobs/a/trainer", { version: 7, step: 3, batch_groups: 8 }],
    grpc: ["JobService/Report", { job: "a", report: { version: 7, step: 3, batch_groups: 8 } }],
  },
  {
    name: "Report of a version that is none",
    http: ["POST", "/v1/jobs/a/trainer", { version: 90, step: 3 }],
    grpc: ["JobService/Report", { job: "a", report: { version: 90, step: 3 } }],
    refused: "invalid_argument",
  },
  { name: "Get of a job", http: ["GET", "/v1/jobs/a"], grpc: ["JobService/Get", { job: "a" }] },
  {
    name: "Get of a job that is none",
    http: ["GET", "/v1/jobs/nobody"],
    grpc: ["JobService/Get", { job: "nobody" }],
    refused: "not_found",
  },
  {
    name: "Abort of a job",
    http: ["POST", "/v1/jobs/a/abort"],
    grpc: ["JobService/Abort", { job: "a" }],
  },
];

const root = loadProtos();

function rpcOf(path: string): { request: protobuf.Type; reply: protobuf.Type } {
  const [service = "", name = ""] = path.split("/");
  const { requestType, responseType } = root.lookupService(`paceline.v1.${service}`).methods[
    name
  ] as protobuf.Method;
  const type = (of: string): protobuf.Type => root.lookupType(`paceline.v1.${of}`);
  return { request: type(requestType), reply: type(responseType) };
}

const pass = (bytes: Buffer): Buffer => bytes;

function call(client: Client, path: string, body: Body): Promise<unknown> {
  const { request, reply } = rpcOf(path);
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      `/paceline.v1.${path}`,
      pass,
      (bytes: Buffer) => decodeMessage(reply, bytes),
      encodeMessage(request, body),
      (error, message) => (error === null ? resolve(message) : reject(error)),
    );
  });
}

/** Absent, null and an empty list are the same on the two wires. */
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(
    ([, inner]) => inner != null && !(Array.isArray(inner) && inner.length === 0),
  );
  return Object.fromEntries(kept.map(([name, inner]) => [name, bare(inner)]));
}

suite("control calls over HTTP and gRPC", () => {
  let http: Serving;
  let grpc: GrpcFront;
  let client: Client;
  let fleet: FakeFleet;
  before(async () => {
    http = await serveHttp();
    fleet = createFakeFleet(workerRecord());
    grpc = createGrpcFront({
      rollouts: createScriptedRollouts(),
      mint: { id: () => "minted", seed: () => 1 },
      control: fakeControl(fleet),
      readiness: { ready: () => true, listen: () => () => {} },
      clock: liveClock,
      gate: createOpenGatekeeper({ rate: null, concurrency: null }, liveClock),
      audit: () => {},
      certificates: null,
      log: pino({ level: "silent" }),
    });
    const { port } = await grpc.listen("127.0.0.1", 0);
    client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  });
  after(async () => {
    client.close();
    await grpc.close(0);
    await http.close();
  });

  for (const { name, http: ask, grpc: rpc, refused, status = 200 } of CASES) {
    test(name, async () => {
      const [method, path, body] = ask;
      const told = http.fleet.calls.length;
      const toldGrpc = fleet.calls.length;
      const answer = await http.client.call(method, path, body === undefined ? {} : { body });
      if (refused !== undefined) {
        const { error } = answer.json() as { error: { code: string; details: object } };
        assert.equal(error.code, refused, answer.text);
        await assert.rejects(call(client, ...rpc), (thrown: ServiceError) => {
          assert.equal(errorFromTrailer(thrown.metadata)?.code, refused, thrown.message);
          return true;
        });
      } else {
        assert.equal(answer.status, status, answer.text);
        const reply = bare(await call(client, ...rpc));
        const said = bare(answer.json());
        // One worker is a worker over HTTP and a list of one over gRPC, which has one call for both.
        const one = rpc[0] === "FleetService/Control" && path.startsWith("/v1/workers");
        assert.deepEqual(reply, one ? { workers: [said] } : said);
      }
      assert.deepEqual(fleet.calls.slice(toldGrpc), http.fleet.calls.slice(told));
    });
  }

  test("Watch streams each change", async () => {
    const { request, reply } = rpcOf("PolicyService/Watch");
    const stream = client.makeServerStreamRequest(
      "/paceline.v1.PolicyService/Watch",
      pass,
      (bytes: Buffer) => decodeMessage(reply, bytes),
      encodeMessage(request, { policy: "default", version: 8 }),
    );
    const states: unknown[] = [];
    for await (const { state } of stream as AsyncIterable<Body>) states.push(state);
    assert.deepEqual(states, ["transferring", "committed", "installed"]);
  });

  test("Watch of a version that is none, and bytes that are no message, are typed errors", async () => {
    const failing = (path: string, bytes: Buffer): Promise<string | undefined> =>
      new Promise((resolve) => {
        const stream = client.makeServerStreamRequest(`/paceline.v1.${path}`, pass, pass, bytes);
        stream.on("data", () => {});
        stream.on("error", (error: ServiceError) =>
          resolve(errorFromTrailer(error.metadata)?.code),
        );
      });
    const { request } = rpcOf("PolicyService/Watch");
    const absent = encodeMessage(request, { policy: "default", version: 9 });
    assert.equal(await failing("PolicyService/Watch", absent), "not_found");
    const garbage = Buffer.from([0x0a, 0xff, 0xff]);
    assert.equal(await failing("PolicyService/Watch", garbage), "invalid_argument");
    assert.equal(await failing("FleetService/Register", garbage), "invalid_argument");
  });

  test("Drain and Remove take a worker away", async () => {
    const drained = await call(client, "FleetService/Drain", { id: "w-2", mode: "migrate" });
    assert.equal((drained as { id: string }).id, "w-2");
    await assert.rejects(
      call(client, "FleetService/Drain", { id: "w-2" }),
      (error: ServiceError) => {
        assert.equal(errorFromTrailer(error.metadata)?.details["path"], "mode");
        return true;
      },
    );
    await call(client, "FleetService/Remove", { id: "w-2" });
    assert.equal(fleet.workers.has("w-2"), false);
  });
});
