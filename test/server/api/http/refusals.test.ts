/** What is refused is refused in one shape, with the table's status, and does nothing. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { ERRORS, type ErrorCode, PacelineError } from "../../../../server/contract/errors.ts";
import { LIMITS } from "../../../../server/limits.ts";
import { connectRaw, rawPost } from "../../../support/raw-http.ts";
import { type Serving, serveHttp } from "../../../support/serve-http.ts";

interface Refusal {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly code: ErrorCode;
  readonly message?: RegExp;
  /** `details.path`. */
  readonly at?: string;
}

const GOOD = { prompt_token_ids: [72], sampling: { max_new_tokens: 2 } };
const LEASE = { incarnation: "inc-1" };
const VERSIONS = "/v1/policies/default/versions";

const post = (
  name: string,
  path: string,
  body: unknown,
  code: ErrorCode,
  at?: string,
): Refusal => ({
  name,
  method: "POST",
  path,
  body,
  code,
  ...(at === undefined ? {} : { at }),
});
const get = (name: string, path: string, code: ErrorCode, at?: string): Refusal => ({
  name,
  method: "GET",
  path,
  code,
  ...(at === undefined ? {} : { at }),
});

const BODIES: readonly Refusal[] = [
  post("half a JSON object", "/v1/rollouts", '{"prompt_token_ids": [72', "invalid_argument", ""),
  post("NaN in JSON", "/v1/rollouts", '{"priority": NaN}', "invalid_argument", ""),
  post("no body", "/v1/rollouts", "", "invalid_argument", ""),
  post(
    "a field that copying would drop",
    "/v1/rollouts/many",
    '{"rollouts": [{"prompt_token_ids": [1], "sampling": {"max_new_tokens": 1}, "\\u005f_proto__": {}}]}',
    "invalid_argument",
    "",
  ),
  post(
    "JSON of the caller's own, too deep",
    "/v1/rollouts",
    `{"prompt_token_ids": [1], "sampling": {"max_new_tokens": 1, "structured": ${"[".repeat(9_000)}${"]".repeat(9_000)}}}`,
    "invalid_argument",
    "sampling.structured",
  ),
  {
    ...post("a form for a body", "/v1/rollouts", "a=1", "invalid_argument"),
    headers: { "content-type": "application/x-www-form-urlencoded" },
    message: /application\/json/,
  },
  {
    ...post("a foreign page", "/v1/workers/w-1/pause", undefined, "permission_denied"),
    headers: { origin: "http://evil.example" },
  },
];

const ROLLOUTS: readonly Refusal[] = [
  get("an unknown rollout", "/v1/rollouts/none", "not_found"),
  get("a rollout of an id beyond the limit", `/v1/rollouts/${"x".repeat(200)}`, "not_found"),
  get("an encoding nobody has", "/v1/rollouts/none?encoding=hex", "invalid_argument", "encoding"),
  get("an unknown query parameter", "/v1/rollouts/none?jb=x", "invalid_argument", "jb"),
  get("a parameter given twice", "/v1/rollouts/none?job=a&job=b", "invalid_argument", "job"),
  get("an unknown path", "/v1/nothing", "not_found"),
  get("a malformed escape", "/v1/rollouts/%zz", "invalid_argument"),
];

const WORKERS: readonly Refusal[] = [
  get("an unknown worker", "/v1/workers/none", "not_found"),
  post(
    "an engine nobody has",
    "/v1/workers",
    { url: "http://h:1", engine: "gpt" },
    "invalid_argument",
    "engine",
  ),
  post(
    "a URL that is none",
    "/v1/workers",
    { url: "h:1", engine: "vllm" },
    "invalid_argument",
    "url",
  ),
  post(
    "a worker that does not answer",
    "/v1/workers",
    { url: "http://h:1", engine: "vllm" },
    "engine_unreachable",
  ),
  post("a lease of a former life", "/v1/workers/w-1/lease", { incarnation: "inc-0" }, "lease_lost"),
  post("a lease of nobody", "/v1/workers/w-1/lease", {}, "invalid_argument", "incarnation"),
  post(
    "versions that a worker claims",
    "/v1/workers/w-1/lease",
    { ...LEASE, versions: [{ policy: "default", version: 9, proof: "digest", load: 1 }] },
    "unsupported",
    "versions",
  ),
  post(
    "an unknown mode of pause",
    "/v1/workers/w-1/pause",
    { mode: "stop" },
    "invalid_argument",
    "mode",
  ),
  post(
    "a body where none is taken",
    "/v1/workers/w-1/resume",
    { now: true },
    "invalid_argument",
    "",
  ),
  {
    name: "an unknown drain",
    method: "DELETE",
    path: "/v1/workers/w-1?drain=now",
    code: "invalid_argument",
    at: "drain",
  },
  {
    name: "a drain without end",
    method: "DELETE",
    path: "/v1/workers/w-1?timeout_ms=1e9",
    code: "invalid_argument",
    at: "timeout_ms",
  },
];

const POLICIES: readonly Refusal[] = [
  get("an unknown policy", "/v1/policies/none", "not_found"),
  get("an unknown version", `${VERSIONS}/9`, "not_found"),
  get("a version that is no number", `${VERSIONS}/latest`, "invalid_argument", "version"),
  post(
    "a version of an unknown policy",
    "/v1/policies/none/versions",
    { source: { path: "/w" } },
    "not_found",
  ),
  post("weights that cannot be read", VERSIONS, { source: { path: "/bad" } }, "weights_rejected"),
  post("a publication without a source", VERSIONS, {}, "invalid_argument", "source"),
  post(
    "two sources",
    VERSIONS,
    { source: { path: "/a", arena: "b" } },
    "invalid_argument",
    "source",
  ),
  post(
    "a wait for an external mover",
    `${VERSIONS}?wait=committed`,
    { source: { external: {} } },
    "invalid_argument",
    "wait",
  ),
  post(
    "an unknown wait",
    `${VERSIONS}?wait=staged`,
    { source: { path: "/w" } },
    "invalid_argument",
    "wait",
  ),
  {
    name: "an unknown commit mode",
    method: "PUT",
    path: "/v1/policies/p",
    body: { commit: "some" },
    code: "invalid_argument",
    at: "commit",
  },
];

const EVENTS: readonly Refusal[] = [
  get("an offset that is no number", "/v1/events?from=-1", "invalid_argument", "from"),
  get("an unknown way to follow", "/v1/events?follow=maybe", "invalid_argument", "follow"),
  {
    ...get("a Last-Event-ID that is none", "/v1/events", "invalid_argument", "last-event-id"),
    headers: { "last-event-id": "x" },
  },
];

suite("refuses", () => {
  let serving: Serving;
  before(async () => {
    serving = await serveHttp();
  });
  after(async () => {
    assert.deepEqual(serving.rollouts.submitted, []);
    assert.deepEqual(serving.fleet.calls, []);
    await serving.close();
  });

  for (const { name, method, path, body, headers, code, message, at } of [
    ...BODIES,
    ...ROLLOUTS,
    ...WORKERS,
    ...POLICIES,
    ...EVENTS,
  ]) {
    test(name, async () => {
      const told = serving.failed.length;
      const reply = await serving.client.call(method, path, {
        ...(body === undefined ? {} : { body }),
        ...(headers === undefined ? {} : { headers }),
      });
      const error = errorIn(reply.text);
      assert.equal(error.code, code, reply.text);
      assert.equal(reply.status, ERRORS[code].http);
      assert.match(String(reply.headers["content-type"]), /^application\/json/);
      if (message !== undefined) assert.match(error.message, message);
      if (at !== undefined) assert.equal(error.details["path"] ?? error.details["header"], at);
      assert.deepEqual(
        serving.failed.slice(told).map((one) => one.code),
        [code],
      );
    });
  }

  test("a body of 65 MiB, announced or not, before it is all read", async () => {
    const part = "0,".repeat(512 * 1024);
    const announced = await connectRaw(serving.port);
    announced.socket.write(
      `POST /v1/rollouts HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: ${65 * 1024 * 1024}\r\n\r\n`,
    );
    await announced.until("}}");
    assert.match(announced.received(), /^HTTP\/1\.1 413 /);
    assert.equal(errorIn(bodyOf(announced.received())).code, "prompt_too_long");
    announced.socket.destroy();

    const chunked = await connectRaw(serving.port);
    chunked.socket.write(
      "POST /v1/rollouts HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
    );
    const chunk = `${part.length.toString(16)}\r\n${part}\r\n`;
    for (let sent = 0; sent <= LIMITS.bodyBytes; sent += part.length) {
      if (!chunked.socket.write(chunk)) {
        await new Promise((resolve) => chunked.socket.once("drain", resolve));
      }
    }
    await chunked.until("}}");
    assert.equal(errorIn(bodyOf(chunked.received())).code, "prompt_too_long");
    chunked.socket.destroy();
  });

  test("a body that is not UTF-8 is not mended", async () => {
    const raw = await connectRaw(serving.port);
    const [head, rest] = rawPost("/v1/rollouts", '{"id": "?"}').split("?");
    raw.socket.write(
      Buffer.concat([Buffer.from(`${head}`), Buffer.from([0xff]), Buffer.from(`${rest}`)]),
    );
    await raw.until("}}");
    assert.match(raw.received(), /^HTTP\/1\.1 400 [\s\S]*not UTF-8/);
    raw.socket.destroy();
  });

  test("a target that is no path is not found", async () => {
    const raw = await connectRaw(serving.port);
    raw.socket.write("GET *! HTTP/1.1\r\nhost: h\r\n\r\n");
    await raw.until("}}");
    assert.equal(errorIn(bodyOf(raw.received())).code, "not_found");
    raw.socket.destroy();
  });

  for (const [name, bytes, reason] of [
    ["what is not HTTP", "hello there\r\n\r\n", /not an HTTP/],
    [
      "headers without end",
      `GET /healthz HTTP/1.1\r\nhost: h\r\nx: ${"y".repeat(20_000)}`,
      /too many or too large/,
    ],
  ] as const) {
    test(name, async () => {
      const raw = await connectRaw(serving.port);
      raw.socket.write(bytes);
      const { code, message } = errorIn(bodyOf(await raw.closed()));
      assert.equal(code, "invalid_argument");
      assert.match(message, reason);
    });
  }
});

test("cuts a request that does not arrive in time, with a word", async () => {
  const serving = await serveHttp({
    options: { version: "0", requestMs: 200, headersMs: 200, checkMs: 20 },
  });
  try {
    const slow = await connectRaw(serving.port);
    slow.socket.write(rawPost("/v1/rollouts", JSON.stringify(GOOD)).slice(0, -5));
    const { code, message } = errorIn(bodyOf(await slow.closed()));
    assert.equal(code, "invalid_argument");
    assert.match(message, /in time/);
    assert.deepEqual(serving.rollouts.submitted, []);
  } finally {
    await serving.close();
  }
});

test("more headers than any client of ours sends are refused", async () => {
  const serving = await serveHttp();
  try {
    const raw = await connectRaw(serving.port);
    const headers = Array.from({ length: 150 }, (_, i) => `x-${i}: 1\r\n`).join("");
    raw.socket.write(`GET /v1/workers HTTP/1.1\r\nhost: h\r\n${headers}connection: close\r\n\r\n`);
    const { code, message } = errorIn(bodyOf(await raw.closed()));
    assert.deepEqual(
      [code, message],
      ["invalid_argument", "the headers are too many or too large"],
    );
  } finally {
    await serving.close();
  }
});

test("one connection too many is closed, and those that are there go on", async () => {
  const serving = await serveHttp({ options: { version: "0", connections: 1 } });
  try {
    const first = await connectRaw(serving.port);
    const second = await connectRaw(serving.port);
    assert.equal(await second.closed(), "");
    first.socket.write("GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n");
    await first.until('{"alive":true}');
    first.socket.destroy();
  } finally {
    await serving.close();
  }
});

test("says that it is not ready, and why", async () => {
  const serving = await serveHttp({
    readiness: () => ({ ready: false, reasons: ["drains"], code: "shutting_down" }),
  });
  try {
    const reply = await serving.client.call("GET", "/readyz");
    assert.equal(reply.status, 503);
    assert.deepEqual(errorIn(reply.text).details, { reasons: ["drains"] });
    assert.equal((await serving.client.call("GET", "/healthz")).status, 200);
  } finally {
    await serving.close();
  }
});

test("a defect is `internal`, and is logged with its cause", async () => {
  const logged: object[] = [];
  const defect = new Error("boom");
  const serving = await serveHttp({
    overview: () => {
      throw defect;
    },
    log: { error: (details) => logged.push(details) },
  });
  try {
    const reply = await serving.client.call("GET", "/overview.json");
    assert.equal(reply.status, 500);
    assert.equal(errorIn(reply.text).code, "internal");
    assert.deepEqual(logged, [{ err: defect }]);
  } finally {
    await serving.close();
  }
});

test("an error that knows when to come back says so in the header too", async () => {
  const serving = await serveHttp({
    overview: () => {
      throw new PacelineError("overloaded", "full", { retryAfterMs: 1_500 });
    },
  });
  try {
    const reply = await serving.client.call("GET", "/overview.json");
    assert.equal(reply.status, 429);
    assert.equal(reply.headers["retry-after"], "2");
  } finally {
    await serving.close();
  }
});

const bodyOf = (reply: string): string => reply.slice(reply.indexOf("\r\n\r\n") + 4);

function errorIn(text: string): {
  code: string;
  message: string;
  details: Record<string, unknown>;
} {
  const { error } = JSON.parse(text);
  assert.equal(typeof error.message, "string");
  return error;
}
