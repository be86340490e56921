/** Routed experts as the dialects' trainers read them: within compact JSON, whatever pieces they come from. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Mount } from "../../../../server/api/dialects/dialect.ts";
import { base64Length, expertsBase64 } from "../../../../server/api/dialects/experts-base64.ts";
import { expertRows, npyFile } from "../../../fakes/core/experts.ts";
import { serveDialect } from "../../../support/serve-dialect.ts";

const IDS = Array.from({ length: 37 }, (_, id) => id);

for (const dtype of ["uint8", "uint16", "int32"] as const) {
  test(`${dtype} in every form, however it is cut`, async () => {
    const shape = { layers: 5, perToken: 3, dtype };
    const rows = expertRows(IDS, shape);
    const told = { dtype, shape: [IDS.length, 5, 3], bytes: rows.length };
    const asInt32 = expertRows(IDS, { ...shape, dtype: "int32" });
    const forms = [
      ["values", rows],
      ["int32", asInt32],
      ["npy", npyFile(rows, shape)],
    ] as const;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: rows.length }), { maxLength: 6 }), async (cuts) => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), rows.length];
        /** In one memory, as the spool reads them. */
        async function* pieces() {
          const room = Buffer.alloc(rows.length);
          for (const [index, from] of at.entries()) {
            yield room.subarray(0, rows.copy(room, 0, from, at[index + 1]));
            room.fill(0xff);
          }
        }
        for (const [form, bytes] of forms) {
          let text = "";
          for await (const part of expertsBase64(told, form, pieces())) text += part.toString();
          assert.equal(text.length, base64Length(told, form));
          assert.ok(Buffer.from(text, "base64").equals(bytes), form);
          assert.equal(text, bytes.toString("base64"), "one text, without padding amid it");
        }
      }),
      { numRuns: 60 },
    );
  });
}

/** What the scripted rollouts say of a prompt of four tokens and three of output, from position 1 on. */
const VALUES = Buffer.from(Array.from({ length: 5 * 4 }, (_, at) => at));

async function asked(mount: Mount, path: string, body: object) {
  const serving = await serveDialect([mount]);
  try {
    const [client] = serving.clients;
    const reply = await client?.call("POST", path, { body });
    return { status: reply?.status, text: reply?.text ?? "", headers: reply?.headers ?? {} };
  } finally {
    await serving.close();
  }
}

const GENERATE = {
  input_ids: [1, 2, 3, 4],
  sampling_params: { max_new_tokens: 3 },
  return_routed_experts: true,
  routed_experts_start_len: 1,
};

test("SGLang's: base64 of int32s in meta_info, of each of a batch", async () => {
  const mount: Mount = { name: "sglang", port: 0, job: "slime" };
  const alone = await asked(mount, "/generate", GENERATE);
  assert.equal(Number(alone.headers["content-length"]), Buffer.byteLength(alone.text));
  const batch = { ...GENERATE, input_ids: [GENERATE.input_ids, GENERATE.input_ids] };
  const both = await asked(mount, "/generate", batch);
  for (const { meta_info } of [JSON.parse(alone.text), ...JSON.parse(both.text)]) {
    const bytes = Buffer.from(meta_info.routed_experts, "base64");
    assert.deepEqual([...new Int32Array(Uint8Array.from(bytes).buffer)], [...VALUES]);
  }
  const plain = await asked(mount, "/generate", { ...GENERATE, return_routed_experts: false });
  assert.equal("routed_experts" in JSON.parse(plain.text).meta_info, false);
});

test("SGLang's chat, as miles' session server asks: in meta_info, where that is wanted", async () => {
  const mount: Mount = { name: "sglang", port: 0, job: "slime" };
  const { input_ids, sampling_params } = GENERATE;
  const chat = {
    ...{ messages: [], input_ids, max_tokens: sampling_params.max_new_tokens },
    ...{ return_routed_experts: true, routed_experts_start_len: 1 },
    ...{ return_meta_info: true, logprobs: true },
  };
  const { status, text } = await asked(mount, "/v1/chat/completions", { ...chat, n: 2 });
  assert.equal(status, 200, text);
  const { choices } = JSON.parse(text);
  assert.equal(choices.length, 2);
  for (const { meta_info } of choices) {
    const bytes = Buffer.from(meta_info.routed_experts, "base64");
    assert.deepEqual([...new Int32Array(Uint8Array.from(bytes).buffer)], [...VALUES]);
  }
  const bare = await asked(mount, "/v1/chat/completions", { ...chat, return_meta_info: false });
  assert.equal(bare.status, 200, bare.text);
  assert.equal("meta_info" in JSON.parse(bare.text).choices[0], false);
});

/** What a stream's events hold. */
const eventsOf = (text: string) =>
  text
    .split("\n\n")
    .filter((event) => event.startsWith("data: {"))
    .map((event) => JSON.parse(event.slice("data: ".length)));

test("SGLang's: in a stream's last event, cumulative or not, of each of several", async () => {
  const mount: Mount = { name: "sglang", port: 0, job: "slime" };
  for (const incremental of [false, true]) {
    const body = { ...GENERATE, stream: true, incremental_streaming_output: incremental };
    const many = { ...body, sampling_params: { ...GENERATE.sampling_params, n: 2 } };
    for (const [order, count] of [
      [body, 1],
      [many, 2],
    ] as const) {
      const { text } = await asked(mount, "/generate", order);
      assert.ok(text.endsWith("data: [DONE]\n\n"));
      const told = eventsOf(text).filter(({ meta_info }) => "routed_experts" in meta_info);
      assert.equal(told.length, count);
      for (const { meta_info } of told) {
        assert.notEqual(meta_info.finish_reason, null);
        const bytes = Buffer.from(meta_info.routed_experts, "base64");
        assert.deepEqual([...new Int32Array(Uint8Array.from(bytes).buffer)], [...VALUES]);
      }
    }
  }
});

test("SGLang's: from no position behind the prompt", async () => {
  const mount: Mount = { name: "sglang", port: 0, job: "slime" };
  const body = { ...GENERATE, routed_experts_start_len: 5 };
  const { status, text } = await asked(mount, "/generate", body);
  const { error } = JSON.parse(text);
  assert.deepEqual([status, error.paceline.details.path], [400, "routed_experts_start_len"]);
});

const INFERENCE = {
  token_ids: [1, 2, 3, 4],
  sampling_params: { max_tokens: 3, routed_experts_prompt_start: 1 },
};

test("vLLM's: as the renderers' client cuts it out, or a .npy file, or none", async () => {
  const mount: Mount = { name: "vllm", port: 0, job: "prime" };
  const path = "/inference/v1/generate";
  const object = await asked({ ...mount, routedExperts: "object" }, path, INFERENCE);
  const base64 = VALUES.toString("base64");
  assert.ok(object.text.includes(`"routed_experts":{"data":"${base64}"`));
  assert.deepEqual(JSON.parse(object.text).choices[0].routed_experts, {
    ...{ data: base64, shape: [5, 2, 2], start: 1, dtype: "uint8" },
  });
  const npy = await asked({ ...mount, routedExperts: "npy" }, path, INFERENCE);
  const file = Buffer.from(JSON.parse(npy.text).choices[0].routed_experts, "base64");
  assert.ok(file.subarray(-VALUES.length).equals(VALUES));
  const head = file.toString("latin1");
  assert.ok(head.startsWith("\x93NUMPY"));
  assert.ok(head.includes("'shape': (5, 2, 2)"));
  const none = await asked(mount, path, INFERENCE);
  assert.equal(JSON.parse(none.text).choices[0].routed_experts, null);
});

test("vLLM's: on a stream's last event of each choice, in the mount's form", async () => {
  const mount: Mount = { name: "vllm", port: 0, job: "prime" };
  const body = { ...INFERENCE, stream: true };
  const streamed = async (routedExperts: Mount["routedExperts"]) => {
    const of = { ...mount, ...(routedExperts === undefined ? {} : { routedExperts }) };
    const { text } = await asked(of, "/inference/v1/generate", body);
    assert.ok(text.endsWith("data: [DONE]\n\n"));
    return eventsOf(text).flatMap(({ choices }) => choices[0] ?? []);
  };
  const object = await streamed("object");
  assert.deepEqual(object.at(-1).routed_experts, {
    ...{ data: VALUES.toString("base64"), shape: [5, 2, 2], start: 1, dtype: "uint8" },
  });
  assert.notEqual(object.at(-1).finish_reason, null);
  assert.ok(object.slice(0, -1).every((choice) => choice.routed_experts === null));
  const npy = Buffer.from((await streamed("npy")).at(-1).routed_experts, "base64");
  assert.ok(npy.subarray(-VALUES.length).equals(VALUES));
  assert.equal((await streamed(undefined)).at(-1).routed_experts, null);
});
