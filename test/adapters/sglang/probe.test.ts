/** What an SGLang server is found to be, against the fake: keys, checksums, and one that is paused when it is first seen. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import { request } from "undici";
import type { Engine } from "../../../adapters/engine.ts";
import { createSglangEngine } from "../../../adapters/sglang/engine.ts";
import { deadline, run } from "../../conformance/engines/attempt.ts";
import { call } from "../../fakes/core/call.ts";
import { checkpoint } from "../../fakes/core/fake-model.ts";
import { startFakeSglang } from "../../fakes/sglang/fake-sglang.ts";
import type { FakeSglangOptions } from "../../fakes/sglang/state.ts";

async function withEngine(
  options: FakeSglangOptions,
  keys: { api: string | null; admin: string | null },
  use: (engine: Engine, url: string) => Promise<void>,
): Promise<void> {
  const fake = await startFakeSglang(options);
  const engine = createSglangEngine(fake.url, { keys: () => keys });
  try {
    await use(engine, fake.url);
  } finally {
    await engine.close();
    await fake.close();
  }
}

const NONE = { api: null, admin: null };

async function load(engine: Engine, version: number, path: string): Promise<void> {
  const target = { policy: "default", version, path };
  await engine.weights?.stage(target, deadline());
  await engine.weights?.swap({ ...target, kv: "drop" }, deadline());
}

describe("keys", () => {
  for (const [asked, shown] of [
    [{ apiKey: "k" }, { api: "k", admin: null }],
    [{ adminApiKey: "a" }, { api: null, admin: "a" }],
    [
      { apiKey: "k", adminApiKey: "a" },
      { api: "k", admin: "a" },
    ],
  ] as const) {
    test(`a server of ${Object.keys(asked).join(" and ")} is shown the right one by every call`, () =>
      withEngine(asked, shown, async (engine) => {
        await engine.probe(deadline());
        await load(engine, 1, checkpoint("step-1"));
        await engine.control.pause("keep", deadline());
        await engine.control.resume(deadline());
        assert.equal((await run(engine, {})).error, null);
        await engine.telemetry(deadline());
      }));
  }

  for (const [what, shown] of [
    ["none", NONE],
    ["another", { api: "secret-1", admin: "secret-2" }],
    ["that of generation for what changes it", { api: "k", admin: null }],
  ] as const) {
    test(`a server that is shown ${what} says so, and the key is not told`, () =>
      withEngine({ apiKey: "k", adminApiKey: "a" }, shown, async (engine) => {
        await assert.rejects(engine.probe(deadline()), (error: Error) => {
          assert.match(error.message, /api_key/);
          assert.doesNotMatch(JSON.stringify(error) + error.message, /secret/);
          return true;
        });
      }));
  }
});

describe("checksums", () => {
  test("are of what is in memory, also while it stands still", () =>
    withEngine({}, NONE, async (engine) => {
      const { capabilities } = await engine.probe(deadline());
      assert.equal(capabilities.weights.checksum, true);
      const told: (string | undefined)[] = [];
      for (const [version, name] of [
        [1, "step-1"],
        [2, "step-2"],
        [3, "step-1"],
      ] as const) {
        await load(engine, version, checkpoint(name));
        await engine.control.pause("keep", deadline());
        told.push((await engine.weights?.checksum?.(deadline()))?.value);
        await engine.control.resume(deadline());
      }
      assert.equal(told[0], told[2]);
      assert.notEqual(told[0], told[1]);
    }));

  test("are not there on a server without them", () =>
    withEngine({ checksums: false }, NONE, async (engine) => {
      const { capabilities } = await engine.probe(deadline());
      assert.equal(capabilities.weights.checksum, false);
      assert.throws(() => engine.weights?.checksum?.(deadline()), { code: "unsupported" });
    }));
});

test("one that is paused when it is first seen says so at once, and is found once it goes on", () =>
  withEngine({}, NONE, async (engine, url) => {
    await call(url, "POST /pause_generation", { mode: "in_place" });
    await assert.rejects(engine.probe(deadline()), (error: Error & { details?: unknown }) => {
      assert.match(error.message, /paused.*continue_generation/);
      const { paused, incarnation } = Object(error.details);
      assert.deepEqual([paused, typeof incarnation], [true, "string"]);
      return true;
    });
    await call(url, "POST /continue_generation", {});
    assert.equal((await engine.probe(deadline())).paused, false);
    await call(url, "POST /pause_generation", { mode: "in_place" });
    assert.equal((await engine.probe(deadline())).paused, true);
  }));

test("a look that began before a pause does not have a swap let the engine run", async () => {
  const fake = await startFakeSglang({});
  const looking = Promise.withResolvers<void>();
  const seen = Promise.withResolvers<void>();
  let holds = false;
  // Between us and the engine: it holds back one answer of a look.
  const between = createServer(async ({ method = "", url = "", headers }, response) => {
    if (holds && url === "/model_info") {
      holds = false;
      looking.resolve();
      await seen.promise;
    }
    const { statusCode, body } = await request(`${fake.url}${url}`, {
      method: method as "GET",
      headers: { "content-type": headers["content-type"] ?? "" },
      ...(method === "GET" ? {} : { body: await text(response.req) }),
    });
    response.writeHead(statusCode).end(await body.text());
  });
  await once(between.listen(0, "127.0.0.1"), "listening");
  const engine = createSglangEngine(`http://127.0.0.1:${(between.address() as AddressInfo).port}`);
  try {
    await engine.probe(deadline());
    const target = { policy: "default", version: 1, path: checkpoint("step-1") };
    await engine.weights?.stage(target, deadline());
    holds = true;
    const look = engine.probe(deadline());
    await looking.promise;
    await engine.control.pause("keep", deadline());
    seen.resolve();
    assert.equal((await look).paused, true);
    await engine.weights?.swap({ ...target, kv: "keep" }, deadline());
    assert.equal(
      (await call(fake.url, "GET /ready")).status,
      503,
      "it stands still until it is proved",
    );
  } finally {
    await engine.close();
    between.close();
    await fake.close();
  }
});
