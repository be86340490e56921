/** A whole server before a vLLM of routed experts: the same rows by its dialect, in a Result and by reference. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { startFakeVllm } from "../../fakes/vllm/fake-vllm.ts";
import { STEP_1, startLiveServer } from "../../support/live-server.ts";

const spool = mkdtempSync(join(tmpdir(), "paceline-experts-live-"));
/** 68 rows of 24 KiB: more than lies in a Result. */
const fake = await startFakeVllm({ experts: { layers: 48, perToken: 256, dtype: "uint16" } });
const server = await startLiveServer({
  ...{ engine: "none", spool },
  dialects: [{ name: "vllm", routed_experts: "object" }],
});
after(async () => {
  await server.stop();
  await fake.close();
  rmSync(spool, { recursive: true });
});

const PROMPT = [49, 55, 43, 50, 53];
const ROLLOUT = {
  prompt_token_ids: PROMPT,
  sampling: { max_new_tokens: 64, temperature: 0, ignore_eos: true },
};

interface Told {
  readonly side: {
    readonly routed_experts: {
      readonly shape: number[];
      readonly bytes: number;
      readonly data?: string;
      readonly ref?: string;
    };
  };
}

interface Generated {
  readonly choices: readonly { readonly routed_experts: { readonly data: string } }[];
}

async function rowsOf(want: object): Promise<Buffer> {
  const { body } = await server.call<Told>("POST", "/v1/rollouts", { ...ROLLOUT, want });
  const { data, ref, bytes, shape } = body.side.routed_experts;
  assert.equal(bytes, 2 * shape.reduce((product, length) => product * length, 1));
  if (data !== undefined) return Buffer.from(data, "base64");
  const reply = await fetch(`${server.http}/v1/side/${ref}`);
  assert.equal(reply.headers.get("content-length"), String(bytes));
  return Buffer.from(await reply.arrayBuffer());
}

test("are the same, whichever way they come", async () => {
  await server.call("PUT", "/v1/policies/default", { kind: "full" });
  await server.call("POST", "/v1/workers", { url: fake.url, engine: "vllm", id: "w" });
  const version = { source: { path: STEP_1 }, commit: { mode: "all", timeout_ms: 30_000 } };
  await server.call("POST", "/v1/policies/default/versions?wait=committed", version);

  const whole = await rowsOf({ routed_experts: true });
  assert.equal(whole.length, 68 * 48 * 256 * 2);
  const last = { routed_experts: true, routed_experts_start: PROMPT.length };
  assert.ok((await rowsOf(last)).equals(whole.subarray(-63 * 48 * 256 * 2)));

  const path = "/jobs/default/inference/v1/generate";
  const asked = { token_ids: PROMPT, sampling_params: PARAMS };
  const { body } = await server.call<Generated>("POST", path, asked);
  assert.ok(Buffer.from(body.choices[0]?.routed_experts.data ?? "", "base64").equals(whole));
  const metrics = await (await fetch(`${server.http}/metrics`)).text();
  const held = Number(/^paceline_spool_bytes (\d+)$/m.exec(metrics)?.[1]);
  assert.ok(held > 2 * whole.length, `${held} bytes in the spool`);
});

const PARAMS = { max_tokens: 64, temperature: 0, ignore_eos: true, logprobs: 0 };
