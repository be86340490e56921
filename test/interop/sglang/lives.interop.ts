/**
 * A whole server over real SGLang as a user runs it: a version published amid rollouts, which stay in place, and proven by
 * receipt; then the engine killed amid others and started again. Nothing that was streamed is lost, and torch finds each
 * token where its span says.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type LiveServer, startLiveServer, workersReady } from "../../support/live-server.ts";
import { openSglang, type Sglang, type SglangProcess } from "../engines/sglang.ts";
import { bodyOf, EXPLAINED, publish, type Result, reached, worstToken } from "../fleet.ts";

let sglang: Sglang;
let engine: SglangProcess;
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

/** Six that run at once. */
function batch(name: string) {
  const ids = Array.from({ length: 6 }, (_, at) => `${name}-${at}`);
  const asked = ids.map((id) =>
    bodyOf<Result>(server, "POST", "/v1/rollouts", {
      id,
      prompt_token_ids: [10, 11, 12, 13, 14],
      sampling: { max_new_tokens: 600, ignore_eos: true },
    }),
  );
  return { all: Promise.all(asked), reached: (tokens: number) => reached(server, ids, tokens) };
}

test("rollouts outlive an update, in place, and the death of their engine", async (t) => {
  const { python, models } = sglang;
  await bodyOf(server, "POST", "/v1/workers", { url: engine.url, engine: "sglang", id: "w-1" });
  const one = await publish(server, models[0]);
  await workersReady(server, 1, one);
  const { updated, two } = await engine.slowly(async () => {
    const begun = batch("updated");
    await begun.reached(30);
    const version = await publish(server, models[1]);
    await workersReady(server, 1, version);
    return { updated: begun, two: version };
  });
  const through = await updated.all;
  for (const { spans } of through) {
    assert.deepEqual(
      spans.map(({ version, kv }) => [version, kv]),
      [
        [one, "pure"],
        [two, "mixed"],
      ],
    );
  }
  const { body } = await server.call<{ versions: { proof: string }[] }>("GET", "/v1/workers/w-1");
  assert.equal(body.versions[0]?.proof, "receipt");
  const { port } = engine;
  const killed = await engine.slowly(async () => {
    const begun = batch("killed");
    await begun.reached(60);
    await engine.kill();
    return begun;
  });
  engine = await sglang.start(["--incremental-streaming-output"], port);
  const outlived = await killed.all;
  for (const { segments } of outlived) {
    assert.equal(
      new Set(segments.map(({ incarnation }) => incarnation)).size,
      2,
      "two lives of it",
    );
  }
  const all = [...through, ...outlived];
  for (const { output_token_ids: output, spans, usage } of all) {
    assert.equal(output.length, 600);
    assert.ok(spans.every(({ attested }) => attested !== "none"));
    assert.equal(usage.wasted_tokens, 0);
  }
  const versions = new Map([
    [one, models[0]],
    [two, models[1]],
  ]);
  const worst = await worstToken(python, all, ({ version }) => versions.get(version));
  t.diagnostic(`worst token of ${600 * all.length}: ${worst.toFixed(4)} nat`);
  assert.ok(worst < EXPLAINED);
});
