/**
 * Attestation on real vLLM: weights are updated under load through the whole server, then torch computes each token's
 * logprob again from what its span claims. The claim must fit to what bfloat16 explains, and every other claim must be
 * nats away. `npm run test:interop -- test/interop/vllm/attestation.interop.ts`
 */
import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import { createVllmEngine } from "../../../adapters/vllm/engine.ts";
import type { OnUpdate } from "../../../server/contract/policy.ts";
import { Witness } from "../../conformance/witness.ts";
import { type LiveServer, startLiveServer } from "../../support/live-server.ts";
import { distance, type Phase, type Replayed, replay } from "../attestation/replay.ts";
import { openVllm, VLLM_VERSION, type Vllm, type VllmProcess } from "../engines/vllm.ts";
import { generated, install, longDeadline } from "./attempts.ts";

/** Per token, nat: rounding of bfloat16 between vLLM's kernels and torch's. */
const EXPLAINED = 0.05;
/** Per long rollout, nat: what a wrong claim is off by, at least. */
const APART = 10;
const TOKENS = 900;
const ROLLOUTS = 8;
/** Three blocks, so that a prefix can be found again. */
const PROMPT = Array.from({ length: 96 }, (_, at) => 100 + ((at * 37) % 1800));

interface Result {
  readonly output_token_ids: readonly number[];
  readonly logprobs: readonly number[];
  readonly spans: readonly {
    readonly version: number;
    readonly start: number;
    readonly end: number;
    readonly kv: "pure" | "mixed" | "unknown";
    readonly attested: string;
  }[];
}

describe("attestation on real vLLM", () => {
  const witness = new Witness(
    { engine: "vllm", against: "real", version: VLLM_VERSION },
    "attestation",
  );
  let vllm: Vllm;
  let engine: VllmProcess;
  let server: LiveServer;
  const rows: Record<string, Record<string, string | number>> = {};

  before(async () => {
    vllm = await openVllm();
    engine = await vllm.start();
    server = await startLiveServer({ engine: "none", probe_ms: 1_000, lease_ms: 30_000 });
    await ok("PUT", "/v1/policies/default", { min_proof: "reported" });
    await ok("POST", "/v1/workers", { url: engine.url, engine: "vllm", id: "w-1" });
  });
  after(async () => {
    await server.stop();
    await engine.kill();
    console.table(rows);
  });

  async function ok<T>(
    method: "GET" | "POST" | "PUT" | "DELETE",
    path: string,
    body?: unknown,
  ): Promise<T> {
    const reply = await server.call<T>(method, path, body);
    assert.ok(reply.status < 300, `${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
    return reply.body;
  }

  /** Its number; installed when this resolves. */
  async function publish(path: string, onUpdate: OnUpdate, grace = 0): Promise<number> {
    const body = { source: { path }, on_update: onUpdate, update_grace_ms: grace };
    const { version } = await ok<{ version: number }>(
      "POST",
      "/v1/policies/default/versions?wait=committed",
      body,
    );
    for (;;) {
      const { workers } = await ok<{ workers: { phase: string; reason: string | null }[] }>(
        "GET",
        `/v1/policies/default/versions/${version}`,
      );
      assert.ok(!workers.some(({ phase }) => phase === "poisoned"), JSON.stringify(workers));
      if (workers.some(({ phase }) => phase === "installed")) return version;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Resolves when each has made so many tokens. */
  async function reached(ids: readonly string[], tokens: number): Promise<void> {
    for (const id of ids) {
      for (;;) {
        const { state, output_tokens: made } = await ok<{ state?: string; output_tokens?: number }>(
          "GET",
          `/v1/rollouts/${id}`,
        );
        assert.ok(state !== undefined && state !== "finished", `${id} ended before the update`);
        if ((made ?? 0) >= tokens) break;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  const phasesOf = (result: Result, versions: ReadonlyMap<number, string>): Phase[] =>
    result.spans.map(({ version, end, kv }) => ({
      model: versions.get(version) ?? "",
      end,
      fresh: kv === "pure",
    }));

  const replayed = (result: Result, phases: readonly Phase[]): Replayed => ({
    prompt: PROMPT,
    output: result.output_token_ids,
    phases,
  });

  for (const [onUpdate, grace] of [
    ["keep", 0],
    ["reprefill", 0],
    ["finish", 120_000],
  ] as const) {
    witness.test(`${onUpdate}: the spans' claim is what was computed`, async () => {
      const [one, two] = vllm.models;
      const old = await publish(one, "reprefill");
      const ids = Array.from({ length: ROLLOUTS }, (_, at) => `${onUpdate}-${at}`);
      const amid = async () => {
        const begun = ids.map((id, at) =>
          ok<Result>("POST", "/v1/rollouts", {
            id,
            prompt_token_ids: PROMPT,
            sampling: { max_new_tokens: TOKENS, ignore_eos: true, seed: at },
            on_update: onUpdate,
          }),
        );
        await reached(ids, 40);
        return { begun, next: await publish(two, onUpdate, grace) };
      };
      // `finish` waits for their ends.
      const { begun, next } = await (onUpdate === "finish" ? amid() : engine.slowly(amid));
      const versions = new Map([
        [old, one],
        [next, two],
      ]);
      const all = await Promise.all(begun);
      const across = all.filter(({ spans }) => spans.length > 1);
      for (const { spans } of all) {
        for (const { attested, version, kv } of spans) {
          assert.notEqual(attested, "none");
          assert.equal(kv === "mixed", onUpdate === "keep" && version === next);
        }
      }
      assert.equal(across.length > 0, onUpdate !== "finish", "rollouts that the update met");

      const claims = all.map((result) => replayed(result, phasesOf(result, versions)));
      const others: Record<string, Replayed[]> = {
        "old weights alone": all.map((r) =>
          replayed(r, [{ model: one, end: TOKENS, fresh: true }]),
        ),
        "new weights alone": all.map((r) =>
          replayed(r, [{ model: two, end: TOKENS, fresh: true }]),
        ),
        "KV the other way": all.map((r) =>
          replayed(
            r,
            phasesOf(r, versions).map((phase, at) =>
              at === 0 ? phase : { ...phase, fresh: !phase.fresh },
            ),
          ),
        ),
        "a token later": all.map((r) =>
          replayed(
            r,
            phasesOf(r, versions).map((phase) => ({
              ...phase,
              end: Math.min(TOKENS, phase.end + 1),
            })),
          ),
        ),
      };
      const names = Object.keys(others);
      const hypotheses = [claims, ...Object.values(others)];
      const told = await replay(vllm.python, hypotheses.flat());
      const [right = [], ...wrongs] = hypotheses.map((_, which) =>
        all.map(({ logprobs }, at) =>
          distance(logprobs, told[which * all.length + at]?.processed ?? []),
        ),
      );
      const largest = Math.max(...right.map((each) => each.largest));
      const row: Record<string, string | number> = {
        rollouts: all.length,
        "across the update": across.length,
        tokens: all.reduce((sum, { output_token_ids: made }) => sum + made.length, 0),
        "worst token": largest.toFixed(4),
        "claim, nat a rollout": mean(right.map(({ sum }) => sum)).toFixed(2),
      };
      rows[onUpdate] = row;
      for (const [which, name] of names.entries()) {
        const wrong = others[name] ?? [];
        const judged = (wrongs[which] ?? [])
          .map(({ sum }, at) => sum - (right[at]?.sum ?? 0))
          .filter((_, at) => isOther(wrong[at], claims[at]));
        row[name] = judged.length === 0 ? "the same claim" : Math.min(...judged).toFixed(1);
        // One token's worth of weights is no whole rollout's.
        if (name === "a token later") continue;
        for (const sum of judged)
          assert.ok(sum >= APART, `${name}: only ${sum} nat from the claim`);
      }
      assert.ok(largest < EXPLAINED, `a token is ${largest} nat from its span's claim`);
    });
  }

  witness.test(
    "without a cache namespace of its own, a prompt finds KV of the old weights and is told to be new",
    async () => {
      // The server would find out, and load its own version again.
      await ok("DELETE", "/v1/workers/w-1");
      const direct = createVllmEngine(engine.url);
      try {
        await direct.probe(longDeadline());
        const [one, two] = vllm.models;
        const { weights } = direct;
        assert.ok(weights);
        const wish = (cacheNamespace: string) => ({
          promptTokenIds: Uint32Array.from(PROMPT),
          cacheNamespace,
          sampling: { maxNewTokens: 128 },
        });
        await install(direct, 901, one);
        for (const namespace of ["shared", "default@901"]) await generated(direct, wish(namespace));
        await weights.stage({ policy: "default", version: 902, path: two }, longDeadline());
        // As where something runs that is kept: nothing is dropped.
        await weights.swap({ policy: "default", version: 902, kv: "keep" }, longDeadline());
        for (const [namespace, right] of [
          ["default@902", true],
          ["shared", false],
        ] as const) {
          const { ids, logprobs, finish } = await generated(direct, wish(namespace));
          assert.deepEqual(finish?.versions, [{ version: 902, start: 0, end: 128 }]);
          const [told] = await replay(vllm.python, [
            { prompt: PROMPT, output: ids, phases: [{ model: two, end: 128, fresh: true }] },
          ]);
          const apart = distance(logprobs, told?.processed ?? []);
          rows[right ? "namespace of the load" : "one namespace for all"] = {
            rollouts: 1,
            tokens: 128,
            "worst token": apart.largest.toFixed(4),
            "claim, nat a rollout": apart.sum.toFixed(2),
          };
          if (right) assert.ok(apart.largest < EXPLAINED, `${apart.largest} nat`);
          else
            assert.ok(apart.sum >= APART, `only ${apart.sum} nat: vLLM was expected to fail this`);
        }
      } finally {
        await direct.close();
      }
    },
  );
});

const mean = (all: readonly number[]): number =>
  all.reduce((sum, one) => sum + one, 0) / all.length;

/** Whether it claims anything else: the first phase computes its context anew either way. */
function isOther(wrong: Replayed | undefined, claim: Replayed | undefined): boolean {
  const flat = ({ phases }: Replayed) =>
    phases.map(({ model, end, fresh }, at) => `${model} ${end} ${at === 0 || fresh}`).join();
  return wrong !== undefined && claim !== undefined && flat(wrong) !== flat(claim);
}
