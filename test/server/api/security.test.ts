/** `docs/security.md`'s tables against the servers: each kind of token at each call, over real sockets. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { Client, credentials, Metadata, status } from "@grpc/grpc-js";
import { pino } from "pino";
import type { ControlCall } from "../../../server/api/auth/audit.ts";
import { createTokenGatekeeper } from "../../../server/api/auth/gatekeeper.ts";
import { createGrpcFront, type GrpcFront } from "../../../server/api/grpc/front.ts";
import { METHOD_ACCESS } from "../../../server/api/grpc/method-access.ts";
import { accessOfRoute, type RouteAccess } from "../../../server/api/http/route-access.ts";
import { ROUTES } from "../../../server/api/http/route-table.ts";
import { liveClock } from "../../../server/live-clock.ts";
import { fakeControl } from "../../support/front-fakes.ts";
import { encodeMessage } from "../../support/grpc-client.ts";
import { errorFromTrailer } from "../../support/grpc-messages.ts";
import { createScriptedRollouts } from "../../support/scripted-rollouts.ts";
import { type Serving, serveHttp } from "../../support/serve-http.ts";
import { testToken } from "../../support/tokens.ts";

const MINE = new Set(["mine"]);
const TOKENS = {
  read: testToken({ name: "read", scope: "read" }),
  generate: testToken({ name: "generate", scope: "generate" }),
  admin: testToken({ name: "admin", scope: "admin" }),
  "bound read": testToken({ name: "bound-read", scope: "read", jobs: MINE }),
  "bound generate": testToken({ name: "bound-generate", scope: "generate", jobs: MINE }),
  "bound admin": testToken({ name: "bound-admin", scope: "admin", jobs: MINE }),
};
const EXPIRED = testToken({ name: "expired", expiresAt: 0 });
const ENTRIES = [EXPIRED, ...Object.values(TOKENS)].map(({ entry }) => entry);

const HEADERS: Readonly<Record<string, string | null>> = {
  none: null,
  unknown: testToken().headers.authorization,
  expired: EXPIRED.headers.authorization,
  ...Object.fromEntries(
    Object.entries(TOKENS).map(([kind, { headers }]) => [kind, headers.authorization]),
  ),
};

const ROW = /^\| `(?:(GET|POST|PUT|DELETE) )?([^`]+)` \| (\w+) \| ([\w ]+) \|$/gm;
const PAGE = readFileSync(join(import.meta.dirname, "../../../docs/security.md"), "utf8");
const ROWS = [...PAGE.matchAll(ROW)].map(([, method, path = "", scope = "", bound = ""]) => ({
  method,
  path,
  scope,
  bound,
}));

type Row = (typeof ROWS)[number];
type Verdict = "in" | "unauthenticated" | "permission_denied";

/** What the page says becomes of a call for `job`. */
function verdict({ scope, bound }: Row, kind: string, job: string): Verdict {
  if (scope === "none") return "in";
  if (["none", "unknown", "expired"].includes(kind)) return "unauthenticated";
  const order = ["read", "generate", "admin"];
  const held = kind.replace("bound ", "");
  if (order.indexOf(held) < order.indexOf(scope)) return "permission_denied";
  if (!kind.startsWith("bound")) return "in";
  if (bound === "refused") return "permission_denied";
  return bound === "its jobs only" && job !== "mine" ? "permission_denied" : "in";
}

/** Job that a request names; `default` = it names none. */
const JOBS = ["mine", "other", "default"];

test("the page has a row for each route and each method, and no other", () => {
  const rows = ROWS.map(({ method, path }) => (method === undefined ? path : `${method} ${path}`));
  assert.deepEqual(rows, [
    ...ROUTES.map(({ method, path }) => `${method} ${path}`),
    ...[...METHOD_ACCESS.keys()].map((path) => path.slice(1)),
  ]);
});

suite("HTTP: who may what", () => {
  let serving: Serving;
  const audited: ControlCall[] = [];
  before(async () => {
    serving = await serveHttp({
      gate: createTokenGatekeeper(ENTRIES, liveClock),
      audit: (call) => audited.push(call),
    });
  });
  after(() => serving.close());

  for (const route of ROUTES) {
    const row = ROWS.find(({ method, path }) => method === route.method && path === route.path);
    test(`${route.method} ${route.path}`, async () => {
      assert.ok(row);
      for (const kind of Object.keys(HEADERS)) {
        for (const job of accessOfRoute(route).jobs === "named" ? JOBS : ["default"]) {
          const got = await httpVerdict(serving, row, kind, job, accessOfRoute(route).named);
          assert.equal(got, verdict(row, kind, job), `${kind} token, job ${job}`);
        }
      }
    });
  }

  test("calls of scope admin were audited, each with its outcome, leases apart", () => {
    const kinds = Object.keys(HEADERS).length;
    for (const route of ROUTES) {
      const lines = audited.filter(({ call }) => call === route.call);
      const { audited: expected, jobs } = accessOfRoute(route);
      if (!expected) assert.deepEqual(lines, [], route.call);
      else assert.equal(lines.length, kinds * (jobs === "named" ? JOBS.length : 1), route.call);
      for (const { who, outcome } of lines) {
        assert.equal(who === null, outcome === "unauthenticated", route.call);
        if (who === "read" || who === "generate") assert.equal(outcome, "permission_denied");
      }
    }
    assert.ok(audited.some(({ outcome }) => outcome === "ok"));
    const pause = audited.find(({ call, who }) => call === "pauseWorker" && who === "admin");
    assert.deepEqual([pause?.target, pause?.peer], [{ id: "w-1" }, "127.0.0.1"]);
    for (const { secret } of Object.values(TOKENS)) {
      assert.ok(!JSON.stringify(audited).includes(secret));
    }
  });
});

async function httpVerdict(
  serving: Serving,
  row: Row,
  kind: string,
  job: string,
  named: RouteAccess["named"],
): Promise<Verdict> {
  const authorization = HEADERS[kind];
  const its = job === "default" ? {} : { job };
  const target = row.path
    .replace("{job}", job)
    .replace("{id}", "w-1")
    .replace(/\{\w+\}/g, "mine");
  const inQuery = named === "query" && job !== "default" ? `?job=${job}` : "";
  const query = row.path === "/v1/events" ? "?follow=false" : inQuery;
  const reply = await serving.client.call(row.method ?? "GET", target + query, {
    headers: authorization == null ? {} : { authorization },
    ...(named === "body" ? { body: its } : {}),
    ...(named === "many" ? { body: { rollouts: [{ job: "mine" }, its] } } : {}),
  });
  if (reply.status === 401) {
    assert.match(String(reply.headers["www-authenticate"]), /^Bearer/);
    return "unauthenticated";
  }
  return reply.status === 403 ? "permission_denied" : "in";
}

suite("gRPC: who may what", () => {
  let front: GrpcFront;
  let client: Client;
  const audited: ControlCall[] = [];
  before(async () => {
    front = createGrpcFront({
      rollouts: createScriptedRollouts(),
      mint: { id: () => "m", seed: () => 1 },
      control: fakeControl(),
      readiness: { ready: () => true, listen: () => () => {} },
      clock: liveClock,
      log: pino({ level: "silent" }),
      gate: createTokenGatekeeper(ENTRIES, liveClock),
      certificates: null,
      audit: (call) => audited.push(call),
    });
    const { port } = await front.listen("127.0.0.1", 0);
    client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  });
  after(async () => {
    client.close();
    await front.close(0);
  });

  for (const row of ROWS.filter(({ method }) => method === undefined)) {
    const access = METHOD_ACCESS.get(`/${row.path}`);
    test(row.path, async () => {
      assert.ok(access);
      for (const kind of Object.keys(HEADERS)) {
        for (const job of access.jobs === "named" ? JOBS : ["default"]) {
          const got: Verdict | "unimplemented" = await grpcVerdict(
            client,
            row.path,
            HEADERS[kind] ?? null,
            job,
          );
          // What is not served yet may say so before a message has named a job.
          const served = got !== "unimplemented";
          const said = verdict(row, kind, served ? job : "mine");
          assert.equal(served ? got : "in", said, `${kind} token, job ${job}`);
        }
      }
    });
  }

  test("calls of scope admin were audited, each with its outcome", () => {
    const publishes = audited.filter(({ call }) => call.endsWith("PolicyService/Publish"));
    assert.equal(publishes.length, Object.keys(HEADERS).length);
    assert.deepEqual(
      new Set(publishes.map(({ who, outcome }) => `${who} ${outcome}`)),
      new Set([
        "null unauthenticated",
        "read permission_denied",
        "generate permission_denied",
        "admin invalid_argument",
        ...["read", "generate", "admin"].map((scope) => `bound-${scope} permission_denied`),
      ]),
    );
    assert.ok(audited.every(({ call }) => !call.endsWith("/Renew") && !call.includes("Rollout")));
  });
});

/** Sends one message over a stream; what the call ends in, or its first reply, says whether it was let in. */
function grpcVerdict(
  client: Client,
  path: string,
  authorization: string | null,
  job: string,
): Promise<Verdict | "unimplemented"> {
  const metadata = new Metadata();
  if (authorization !== null) metadata.set("authorization", authorization);
  const ref = { id: "none", ...(job === "default" ? {} : { job }) };
  const named = path.includes("JobService") ? encodeMessage("JobRef", { job }) : Buffer.of();
  const message = path.includes("RolloutService") ? encodeMessage("RolloutRef", ref) : named;
  const pass = (bytes: Buffer): Buffer => bytes;
  return new Promise((resolve, reject) => {
    const call = client.makeBidiStreamRequest(`/${path}`, pass, pass, metadata);
    call.on("data", () => {
      resolve("in");
      call.cancel();
    });
    call.on("error", (error: Error & { code: number; metadata: Metadata }) => {
      const typed = errorFromTrailer(error.metadata)?.code;
      if (error.code === status.UNAUTHENTICATED && typed === "unauthenticated") {
        resolve("unauthenticated");
      } else if (error.code === status.PERMISSION_DENIED && typed === "permission_denied") {
        resolve("permission_denied");
      } else if (typed === "unimplemented") {
        resolve("unimplemented");
      } else if (error.code === status.UNAVAILABLE || typed === undefined) {
        reject(error);
      } else {
        resolve("in");
      }
    });
    call.end(message);
  });
}
