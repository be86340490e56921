/** A trainer's own weight calls on their way to an SGLang engine: what is changed, and what a refusal becomes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createState } from "../../../adapters/sglang/facts.ts";
import { createMove } from "../../../adapters/sglang/mover.ts";
import { PacelineError } from "../../../server/contract/errors.ts";

const SIGNAL = new AbortController().signal;
const TARGET = { policy: "default", version: 7 };

function moverOf(answer: () => unknown) {
  const sent: { path: string; body: unknown }[] = [];
  const state = createState();
  const calls = {
    text: async () => "",
    json: async ({ path, body }: { path: string; body?: unknown }) => {
      sent.push({ path, body });
      return answer();
    },
  };
  return { sent, state, move: createMove({ calls }, state) };
}

test("buckets of one version are one load, under our name, and nothing is flushed or aborted", async () => {
  const { sent, state, move } = moverOf(() => ({ success: true }));
  const bucket = { names: ["a"], flush_cache: true, abort_all_requests: true, load_format: "x" };
  for (const version of [7, 7, 8]) {
    await move("update_weights_from_distributed", bucket, { ...TARGET, version }, SIGNAL);
  }
  assert.deepEqual(
    sent.map(({ body }) => Reflect.get(Object(body), "weight_version")),
    ["default@7#1", "default@7#1", "default@8#2"],
  );
  assert.deepEqual(sent[0]?.body, {
    names: ["a"],
    load_format: "x",
    weight_version: "default@7#1",
    flush_cache: false,
    abort_all_requests: false,
  });
  assert.deepEqual(state.label, { policy: "default", version: 8, load: 2 });
});

test("calls that name nothing go as they are", async () => {
  const { sent, state, move } = moverOf(() => ({ success: true }));
  await move("init_weights_update_group", { rank_offset: 1 }, null, SIGNAL);
  await move("post_process_weights", { post_process_quantization: true }, TARGET, SIGNAL);
  assert.deepEqual(sent, [
    { path: "/init_weights_update_group", body: { rank_offset: 1 } },
    { path: "/post_process_weights", body: { post_process_quantization: true } },
  ]);
  assert.equal(state.label, null);
});

for (const [what, answer, code] of [
  ["success: false", () => ({ success: false, message: "no group" }), "weights_rejected"],
  [
    "a 400",
    () => {
      throw new PacelineError("invalid_argument", "SGLang refuses: no group");
    },
    "weights_rejected",
  ],
  [
    "a lost socket",
    () => {
      throw new PacelineError("engine_unreachable", "gone");
    },
    "engine_unreachable",
  ],
] as const) {
  test(`${what}: ${code}, and nobody knows what it holds`, async () => {
    const { state, move } = moverOf(answer);
    state.label = { policy: "default", version: 6, load: 1 };
    await assert.rejects(move("update_weights_from_tensor", {}, TARGET, SIGNAL), { code });
    assert.equal(state.label, null);
  });
}
