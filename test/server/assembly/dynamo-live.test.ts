/** A whole server before Dynamo's frontend and its workers: a version from a path reaches all of them, or none is believed. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { checkpoint } from "../../fakes/core/fake-model.ts";
import { startFakeDynamo } from "../../fakes/dynamo/fake-dynamo.ts";
import { startLiveServer, workersReady } from "../../support/live-server.ts";

const fake = await startFakeDynamo({ rl: true });
const workers = fake.rl?.workers ?? [];
const facts = {
  ...{ vocab_size: fake.model.info.vocabSize, logprob_mode: "processed" },
  rl_url: fake.rl?.url,
};
const server = await startLiveServer({
  engine: "none",
  probe_ms: 100,
  engine_facts: JSON.stringify({ dynamo: facts }),
});
after(async () => {
  await server.stop();
  await fake.close();
});

interface Told {
  readonly output_token_ids: readonly number[];
  readonly spans: readonly { readonly version: number; readonly attested: string }[];
}

const ROLLOUT = {
  prompt_token_ids: [49, 55, 43, 50, 53, 61],
  sampling: { max_new_tokens: 8, temperature: 0 },
};

async function publish(path: string): Promise<number> {
  const call = "/v1/policies/default/versions?wait=committed";
  const { status, body } = await server.call<{ version: number }>("POST", call, {
    source: { path },
  });
  assert.ok(status < 300, JSON.stringify(body));
  return body.version;
}

test("each version is named at every worker, and its rollouts are its own", async () => {
  await server.call("PUT", "/v1/policies/default", { min_proof: "reported" });
  await server.call("POST", "/v1/workers", { id: "d", url: fake.url, engine: "dynamo" });
  const made: (readonly number[])[] = [];
  for (const step of ["step-1", "step-2"] as const) {
    const version = await publish(checkpoint(step));
    await workersReady(server, 1, version);
    assert.ok(workers.every(({ label }) => label.startsWith(`default@${version}#`)));
    const { body } = await server.call<Told>("POST", "/v1/rollouts", ROLLOUT);
    assert.deepEqual(
      body.spans.map(({ version: told, attested }) => [told, attested]),
      [[version, "coordinator"]],
    );
    made.push(body.output_token_ids);
  }
  assert.notDeepEqual(made[1], made[0]);
});
