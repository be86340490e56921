/** Real clients against our dialects: the `openai` package, and prime-rl's side as verifiers' train client with renderers. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { STEP_1, STEP_2, startLiveServer, workersReady } from "../../support/live-server.ts";
import { runCounterpart } from "./counterpart.ts";
import { copyAsQwen } from "./qwen-policy.ts";

test("openai against the OpenAI dialect", async (t) => {
  const server = await startLiveServer({ dialects: [{ name: "openai", port: 0, job: "gym" }] });
  t.after(() => server.stop());
  await workersReady(server, 2);
  const counts = await runCounterpart("openai_client.py", [
    `http://127.0.0.1:${server.dialects[0]?.port}/v1`,
  ]);
  t.diagnostic(JSON.stringify(counts));
  assert.deepEqual([counts["calls"], counts["streams"], counts["refusals"]], [69, 2, 5]);
});

test("verifiers' train client and renderers against the vLLM dialect, with prime-rl's update in the middle", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "clients-"));
  t.after(() => rmSync(root, { recursive: true }));
  const [one, two] = [join(root, "step_1"), join(root, "step_2")];
  copyAsQwen(STEP_1, one);
  copyAsQwen(STEP_2, two);
  const server = await startLiveServer({
    model: one,
    dialects: [{ name: "vllm", port: 0, job: "prime" }],
  });
  t.after(() => server.stop());
  await workersReady(server, 2);
  const url = `http://127.0.0.1:${server.dialects[0]?.port}`;
  const counts = await runCounterpart("train_client.py", [url, one, two]);
  t.diagnostic(JSON.stringify(counts));
  assert.deepEqual([counts["turns"], counts["refusals"], counts["updates"]], [65, 1, 1]);
  assert.ok(Number(counts["bridged"]) > 0);
  const { body } = await server.call<{ committed_version: number; label: { step: number } }>(
    "GET",
    "/v1/policies/default",
  );
  assert.deepEqual([body.committed_version, body.label.step], [2, 2]);
});
