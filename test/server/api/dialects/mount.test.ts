/** Where a dialect is mounted, who may call it there, and in whose words it answers what goes wrong. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import type { ControlCall } from "../../../../server/api/auth/audit.ts";
import { createTokenGatekeeper } from "../../../../server/api/auth/gatekeeper.ts";
import type { Dialect } from "../../../../server/api/dialects/dialect.ts";
import { sendJson } from "../../../../server/api/http/request.ts";
import { resolveConfig } from "../../../../server/config.ts";
import { PacelineError } from "../../../../server/contract/errors.ts";
import { liveClock } from "../../../../server/live-clock.ts";
import { type ServingDialect, serveDialect } from "../../../support/serve-dialect.ts";
import { testToken } from "../../../support/tokens.ts";

/** Says which job it is for. */
const ECHO: Dialect = {
  name: "sglang",
  routes: ({ job, policy }) => [
    {
      method: "POST",
      path: "/say/{word}",
      scope: "generate",
      touches: "job",
      handler: (request, reply) =>
        sendJson(reply, JSON.stringify({ job, policy: policy(), body: request.body ?? null })),
    },
    {
      method: "GET",
      path: "/fail",
      scope: "none",
      touches: "fleet",
      handler() {
        throw new PacelineError("overloaded", "full", { retryAfterMs: 1_500 });
      },
    },
    {
      method: "POST",
      path: "/weights",
      scope: "admin",
      touches: "all",
      handler: (_request, reply) => sendJson(reply, "{}"),
    },
  ],
  error: ({ code }) => ({ status: 418, body: JSON.stringify({ teapot: code }) }),
};

const MOUNTS = [
  { name: "sglang", port: 0, job: "a" },
  { name: "sglang", port: 0, job: "b:1" },
  { name: "sglang", port: null, job: "b:1" },
] as const;

suite("a dialect on its own port and under a job's path", () => {
  let serving: ServingDialect;
  before(async () => {
    serving = await serveDialect(MOUNTS, { dialect: ECHO });
  });
  after(() => serving.close());

  const call = (mount: number, method: string, path: string, body?: unknown) => {
    const client = serving.clients[mount];
    assert.ok(client);
    const prefix = serving.mounted[mount]?.path ?? "";
    return client.call(method, prefix + path, body === undefined ? {} : { body });
  };

  for (const [mount, { job }] of MOUNTS.entries()) {
    test(`mount ${mount} is of job ${job}`, async () => {
      const reply = await call(mount, "POST", "/say/x", { ids: [1] });
      assert.deepEqual(
        [reply.status, reply.json()],
        [200, { job, policy: "default", body: { ids: [1] } }],
      );
    });

    for (const [what, method, path, body, code] of [
      ["thrown by a route", "GET", "/fail", undefined, "overloaded"],
      ["an unknown path", "GET", "/nowhere", undefined, "not_found"],
      ["another method", "DELETE", "/say/x", undefined, "method_not_allowed"],
      ["a body that is no JSON", "POST", "/say/x", "{", "invalid_argument"],
    ] as const) {
      test(`mount ${mount} answers in the dialect's shape: ${what}`, async () => {
        const reply = await call(mount, method, path, body);
        assert.deepEqual([reply.status, reply.json()], [418, { teapot: code }]);
        assert.equal(reply.headers["retry-after"], code === "overloaded" ? "2" : undefined);
      });
    }
  }

  test("the main front keeps its own words", async () => {
    const reply = await serving.front.client.call("GET", "/nowhere");
    assert.equal(reply.status, 404);
    const other = await serving.front.client.call("POST", "/jobs/a/say/x");
    assert.equal(other.status, 404);
  });
});

suite("tokens at a mount", () => {
  const tokens = {
    read: testToken({ name: "read", scope: "read" }),
    generate: testToken({ name: "generate", scope: "generate" }),
    admin: testToken({ name: "admin", scope: "admin" }),
    "of a": testToken({ name: "of-a", scope: "admin", jobs: new Set(["a"]) }),
  };
  const audited: ControlCall[] = [];
  let serving: ServingDialect;
  before(async () => {
    const entries = Object.values(tokens).map(({ entry }) => entry);
    serving = await serveDialect(MOUNTS, {
      dialect: ECHO,
      gate: createTokenGatekeeper(entries, liveClock),
      audit: (line) => audited.push(line),
    });
  });
  after(() => serving.close());

  for (const [kind, path, verdicts] of [
    [null, "/say/x", ["unauthenticated", "unauthenticated", "unauthenticated"]],
    ["read", "/say/x", ["permission_denied", "permission_denied", "permission_denied"]],
    ["generate", "/say/x", [null, null, null]],
    ["of a", "/say/x", [null, "permission_denied", "permission_denied"]],
    ["generate", "/weights", ["permission_denied", "permission_denied", "permission_denied"]],
    ["admin", "/weights", [null, null, null]],
    ["of a", "/weights", ["permission_denied", "permission_denied", "permission_denied"]],
  ] as const) {
    test(`${kind ?? "no"} token at ${path}`, async () => {
      for (const [mount, code] of verdicts.entries()) {
        const prefix = serving.mounted[mount]?.path ?? "";
        const reply = await serving.clients[mount]?.call("POST", prefix + path, {
          headers: kind === null ? {} : tokens[kind].headers,
        });
        const expected = code === null ? 200 : 418;
        assert.equal(reply?.status, expected, `mount ${mount}`);
        if (code !== null) assert.deepEqual(reply?.json(), { teapot: code });
      }
    });
  }

  test("admin calls are audited under the dialect's name", () => {
    const ok = audited.filter(({ outcome }) => outcome === "ok");
    assert.deepEqual([...new Set(ok.map(({ call }) => call))], ["sglang POST /weights"]);
  });
});

for (const [given, expected] of [
  ["sglang:30000", [{ name: "sglang", port: 30_000, job: null }]],
  ["sglang", [{ name: "sglang", port: null, job: null }]],
  [
    "sglang:30000@a,vllm@b:1",
    [
      { name: "sglang", port: 30_000, job: "a" },
      { name: "vllm", port: null, job: "b:1" },
    ],
  ],
  [[{ name: "sglang", port: 1, job: "a" }], [{ name: "sglang", port: 1, job: "a" }]],
  ["llama:1", null],
  ["sglang:x", null],
  ["sglang:1@no job", null],
  ["sglang:1,vllm:1", null],
  ["sglang,vllm", null],
  [
    "sglang,vllm@other",
    [
      { name: "sglang", port: null, job: null },
      { name: "vllm", port: null, job: "other" },
    ],
  ],
  ["sglang:8700", null],
  [[{ name: "sglang", prt: 1 }], null],
] as const) {
  test(`--dialect ${JSON.stringify(given)}`, () => {
    if (expected !== null) {
      assert.deepEqual(resolveConfig({ dialects: given }, {}, null).dialects, expected);
      if (typeof given === "string") {
        const env = { PACELINE_DIALECTS: given };
        assert.deepEqual(resolveConfig({}, env, null).dialects, expected);
      }
    } else {
      assert.throws(() => resolveConfig({ dialects: given }, {}, null), {
        code: "invalid_argument",
        details: { path: "dialects" },
      });
    }
  });
}
