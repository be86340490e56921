/**
 * Engines that tell no version and have no pause of their own: their operator names the weights that they were started
 * with, says so once to the ledger, and they serve. Whole servers before fakes of the engines.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startFakeDynamo } from "../../fakes/dynamo/fake-dynamo.ts";
import { startFakeTrtllm } from "../../fakes/trtllm/fake-trtllm.ts";
import { startLiveServer } from "../../support/live-server.ts";

interface Gated {
  readonly version: number;
  readonly workers: readonly { readonly worker: string; readonly fence: string | null }[];
}

interface Made {
  readonly output_token_ids: readonly number[];
  readonly spans: readonly { readonly version: number; readonly attested: string }[];
}

const KINDS = [
  ["trtllm", () => startFakeTrtllm()],
  ["dynamo", () => startFakeDynamo({ native: true })],
  ["dynamo", () => startFakeDynamo()],
] as const;

for (const [kind, start] of KINDS) {
  test(`${kind}: weights that its operator names are committed once, and serve`, async () => {
    const fake = await start();
    const { vocabSize, maxModelLen } = fake.model.info;
    const facts = {
      vocab_size: vocabSize,
      max_model_len: maxModelLen,
      kv_tokens: 8_192,
      max_running: 16,
      logprob_mode: "processed",
      weights: "default@1",
    };
    const server = await startLiveServer({
      engine: "none",
      engine_facts: JSON.stringify({ [kind]: facts }),
    });
    const call = async <T>(path: string, body: unknown, method: "POST" | "PUT" = "POST") => {
      const reply = await server.call<T>(method, path, body);
      assert.ok(reply.status < 300, `${path}: ${JSON.stringify(reply.body)}`);
      return reply.body;
    };
    try {
      await call("/v1/policies/default", { min_proof: "reported" }, "PUT");
      await call("/v1/workers", { url: fake.url, engine: kind, id: "w-1" });
      const source = { source: { external: {} } };
      const { version } = await call<Gated>("/v1/policies/default/versions", source);
      assert.equal(version, 1);
      const path = `/v1/policies/default/versions/${version}`;
      const { workers } = await call<Gated>(`${path}/gate`, {});
      const proofs = workers.map(({ worker, fence }) => ({ worker, fence, reported: version }));
      await call(`${path}/commit`, { proofs });
      const prompt_token_ids = [49, 55, 43, 50, 53, 61];
      const made = await call<Made>("/v1/rollouts", {
        prompt_token_ids,
        sampling: { max_new_tokens: 24, temperature: 0, ignore_eos: true },
      });
      assert.equal(made.output_token_ids.length, 24);
      assert.equal(made.spans.length, 1);
      assert.equal(made.spans[0]?.version, 1);
    } finally {
      await server.stop();
      await fake.close();
    }
  });
}
