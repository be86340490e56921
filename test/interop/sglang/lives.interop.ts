/**
 * A whole server over real SGLang as a user runs it: rollouts, a version published meanwhile and proven by receipt, the
 * engine killed amid them and started again. Nothing that was streamed is lost, and torch finds each token where
 * its span says.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type LiveServer, startLiveServer, workersReady } from "../../support/live-server.ts";
import type { EngineProcess } from "../engines/process.ts";
import { openSglang, type Sglang } from "../engines/sglang.ts";
import { bodyOf, publish, type Result, reached, worstToken } from "../fleet.ts";

const IDS = Array.from({ length: 6 }, (_, at) => `r-${at}`);

let sglang: Sglang;
let engine: EngineProcess;
let server: LiveServer;

before(async () => {
  sglang = await openSglang();
  engine = await sglang.start(["--incremental-streaming-output"]);
  server = await startLiveServer({ engine: "none", lease_ms: 10_000 });
  await bodyOf(server, "PUT", "/v1/policies/default", {});
});
after(async () => {
  await server.stop();
  await engine.kill();
});

test("rollouts outlive an update and the death of their engine", async () => {
  const { python, models } = sglang;
  await bodyOf(server, "POST", "/v1/workers", { url: engine.url, engine: "sglang", id: "w-1" });
  const one = await publish(server, models[0]);
  await workersReady(server, 1, one);
  const results = IDS.map((id) =>
    bodyOf<Result>(server, "POST", "/v1/rollouts", {
      id,
      prompt_token_ids: [10, 11, 12, 13, 14],
      sampling: { max_new_tokens: 600, ignore_eos: true },
    }),
  );
  await reached(server, IDS, 30);
  const two = await publish(server, models[1]);
  await workersReady(server, 1, two);
  await reached(server, IDS, 200);
  const { port } = engine;
  await engine.kill();
  engine = await sglang.start(["--incremental-streaming-output"], port);
  const all = await Promise.all(results);
  for (const { output_token_ids: output, segments, spans, usage } of all) {
    assert.equal(output.length, 600);
    const lives = new Set(segments.map(({ incarnation }) => incarnation));
    assert.equal(lives.size, 2, "two lives of it");
    assert.ok(spans.every(({ attested }) => attested !== "none"));
    assert.equal(usage.wasted_tokens, 0);
  }
  const worst = await worstToken(
    python,
    all,
    new Map([
      [one, models[0]],
      [two, models[1]],
    ]),
  );
  console.log(`worst token of ${600 * all.length}: ${worst.toFixed(4)} nat`);
  assert.ok(worst < 0.05);
});
