/** Dialects know of no references: what a rollout has by reference they answer as if it lay in the Result, to the byte. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Mount } from "../../../../server/api/dialects/dialect.ts";
import { createScriptedRollouts, scriptedId } from "../../../support/scripted-rollouts.ts";
import { serveDialect } from "../../../support/serve-dialect.ts";

const SGLANG: Mount = { name: "sglang", port: 0, job: "slime" };
const VLLM: Mount = { name: "vllm", port: 0, job: "prime" };
const OPENAI: Mount = { name: "openai", port: 0, job: "gym" };

const GENERATE = {
  rid: "r-1",
  input_ids: [1, 2, 3, 4],
  sampling_params: {
    ...{ max_new_tokens: 6, top_p: 0.5 },
    custom_params: { return_top_p_token_ids: true },
  },
  return_logprob: true,
  top_logprobs_num: 2,
};
const SCORES = { ...GENERATE, top_logprobs_num: 0, logprob_start_len: 0 };
const INFERENCE = {
  request_id: "r-1",
  token_ids: [1, 2, 3, 4],
  sampling_params: { max_tokens: 6, logprobs: 3, prompt_logprobs: 1 },
};
const COMPLETION = {
  ...{ request_id: "r-1", model: "default", prompt: [1, 2, 3, 4], max_tokens: 6 },
  ...{ logprobs: 2, prompt_logprobs: 1 },
};

for (const [name, mount, path, body, holds] of [
  ["SGLang's rows and masks", SGLANG, "/generate", GENERATE, /output_top_logprobs.*|top_p_token_/],
  ["SGLang's scores", SGLANG, "/generate", SCORES, /"input_token_logprobs":\[\[null/],
  [
    "SGLang's batch",
    SGLANG,
    "/generate",
    { ...GENERATE, rid: ["r-1", "r-2"], input_ids: [[1, 2], [3]] },
    /output_top_logprobs/,
  ],
  [
    "SGLang's stream",
    SGLANG,
    "/generate",
    { ...GENERATE, stream: true },
    /output_top_logprobs.*\n\ndata: \[DONE\]/,
  ],
  [
    "SGLang's incremental stream",
    SGLANG,
    "/generate",
    { ...GENERATE, stream: true, incremental_streaming_output: true },
    /output_top_logprobs/,
  ],
  ["vLLM's", VLLM, "/inference/v1/generate", INFERENCE, /"prompt_logprobs":\[null,{/],
  ["OpenAI's", OPENAI, "/v1/completions", COMPLETION, /"top_logprobs":/],
] as const) {
  test(name, async () => {
    const [inline, stored] = await Promise.all(
      [Number.POSITIVE_INFINITY, 0].map(async (inlineBytes) => {
        const rollouts = createScriptedRollouts(undefined, inlineBytes);
        const serving = await serveDialect([mount], { rollouts });
        try {
          const reply = await serving.clients[0]?.call("POST", path, { body });
          const { side } = await rollouts.life(mount.job, rollouts.submitted[0]?.id ?? "").result();
          assert.equal(side?.stored != null, inlineBytes === 0);
          return { status: reply?.status, text: untimed(reply?.text ?? "") };
        } finally {
          await serving.close();
        }
      }),
    );
    assert.deepEqual(stored, inline);
    assert.equal(stored?.status, 200, stored?.text ?? "");
    assert.match(stored?.text ?? "", holds);
  });
}

test("vLLM's, of so many rows that they are text only while they are sent", async () => {
  const rollouts = createScriptedRollouts(undefined, 0);
  const serving = await serveDialect([VLLM], { rollouts });
  try {
    const prompt = Array.from({ length: 200 }, (_, at) => at);
    const body = {
      token_ids: prompt,
      sampling_params: { max_tokens: 1_500, logprobs: 20, prompt_logprobs: 0 },
    };
    const reply = await serving.clients[0]?.call("POST", "/inference/v1/generate", { body });
    assert.equal(reply?.status, 200, reply?.text ?? "");
    assert.equal(reply.headers["content-length"], undefined);
    const { prompt_logprobs: scores, choices } = JSON.parse(reply.text) as Generated;
    assert.equal(scores[0], null);
    for (const [at, entry] of scores.entries()) {
      if (entry !== null) assert.deepEqual(Object.keys(entry), [String(prompt[at])]);
    }
    assert.equal(scores.length, prompt.length);
    const content = choices[0]?.logprobs.content ?? [];
    assert.deepEqual(
      content.map(({ token_id }) => token_id),
      Array.from({ length: 1_500 }, (_, at) => scriptedId(at)),
    );
    assert.equal(content[0]?.top_logprobs[0]?.token_id, scriptedId(0));
    assert.ok(content.some(({ top_logprobs }) => top_logprobs.length === 20));
  } finally {
    await serving.close();
  }
});

interface Scored {
  readonly token_id: number;
  readonly top_logprobs: readonly { readonly token_id: number }[];
}

interface Generated {
  readonly prompt_logprobs: readonly (object | null)[];
  readonly choices: readonly { readonly logprobs: { readonly content: readonly Scored[] } }[];
}

/** Seconds of two replies may differ. */
const untimed = (text: string): string => text.replace(/"created":\d+/g, '"created":0');
