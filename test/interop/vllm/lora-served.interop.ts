/**
 * Adapters on real vLLM through a whole server, under load: rollouts of two adapters and of their base at once, a new version of one
 * amid them, a new base beneath them, more adapters than there is room for, which take turns. Torch, with each adapter
 * merged into the weights that a span names, finds every token where it says.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createHttpClient, type HttpClient } from "../../support/http-client.ts";
import { type LiveServer, startLiveServer, workersReady } from "../../support/live-server.ts";
import { ensureAdapter, ensureMerged } from "../engines/adapters.ts";
import { openVllm, type Vllm, type VllmProcess } from "../engines/vllm.ts";
import { bodyOf, publish, type Result, reached, worstToken } from "../fleet.ts";

/**
 * No more than two of them while their base runs: beside an adapter's rollouts the CPU build computes the base's under whatever lies in
 * its last place.
 */
const FLAGS = [
  ...["--enable-lora", "--max-lora-rank", "8", "--max-loras", "3", "--max-cpu-loras", "3"],
  ...["--dtype", "float32"],
];
const PROMPT = [10, 11, 12, 13, 14];
const TOKENS = 600;
/** Of float32 in batches of another size. */
const EXPLAINED = 0.001;

let vllm: Vllm;
let engine: VllmProcess;
let server: LiveServer;
let trainer: HttpClient;

before(async () => {
  vllm = await openVllm();
  engine = await vllm.start(FLAGS);
  const dialects = [{ name: "vllm", port: 0, job: "default" }];
  server = await startLiveServer({ engine: "none", lease_ms: 30_000, dialects });
  trainer = createHttpClient(server.dialects[0]?.port ?? 0);
  await bodyOf(server, "PUT", "/v1/policies/default", {});
  await bodyOf(server, "PUT", "/v1/policies/tuned", { kind: "lora", base: "default" });
  await bodyOf(server, "POST", "/v1/workers", { id: "w-1", url: engine.url, engine: "vllm" });
});
after(async () => {
  await trainer?.close();
  await server?.stop();
  await engine?.kill();
});

let asked = 0;

/** Four rollouts of a policy that all run. `exact`: committed is not yet installed everywhere. */
async function four(policy: string, exact?: number): Promise<{ results: Promise<Result[]> }> {
  const ids = Array.from({ length: 4 }, () => `${policy}-${++asked}`);
  const one = (id: string): Promise<Result> =>
    bodyOf<Result>(server, "POST", "/v1/rollouts", {
      ...{ id, policy, prompt_token_ids: PROMPT },
      sampling: { max_new_tokens: TOKENS, ignore_eos: true },
      ...(exact === undefined ? {} : { version: { exact } }),
    });
  const results = Promise.all(ids.map(one));
  await reached(server, ids, 20);
  return { results };
}

/** `version` or `version/base` of each span, in order, of all of them. */
const spansOf = (results: readonly Result[]): string[] =>
  results.map(({ spans }) => spans.map(nameOf).join(" "));
const nameOf = ({ version, base_version: base }: Result["spans"][number]): string =>
  base == null ? `${version}` : `${version}/${base}`;

async function load(name: string, path: string): Promise<number> {
  const body = { lora_name: name, lora_path: path };
  return (await trainer.call("POST", "/v1/load_lora_adapter", { body })).status;
}

/** What the engine itself says that it has. */
async function listed(): Promise<string[]> {
  const { data } = (await (await fetch(`${engine.url}/v1/models`)).json()) as {
    data: readonly { readonly id: string; readonly parent: string | null }[];
  };
  return data.flatMap(({ id, parent }) => (parent === null ? [] : [id])).sort();
}

test("adapters come, change, meet a new base and leave, and no token is another's", async (t) => {
  const adapters: string[] = [];
  for (const seed of [1, 2, 3]) {
    adapters.push(await ensureAdapter(vllm.python, vllm.models[0], seed));
  }
  const [first, second, third] = adapters as [string, string, string];
  const base = await publish(server, vllm.models[0]);
  await workersReady(server, 1, base);
  const one = await publish(server, first, "tuned");
  const before = [await four("tuned"), await four("default")];
  const two = await publish(server, second, "tuned");
  const behind = await four("tuned", two);
  const both = await Promise.all([...before, behind].map(({ results }) => results));
  assert.deepEqual(
    both.map((results) => [...new Set(spansOf(results))]),
    [[`${one}/${base}`], [`${base}`], [`${two}/${base}`]],
  );

  const { over, newer } = await engine.slowly(async () => {
    const begun = [await four("tuned"), await four("default")];
    const version = await publish(server, vllm.models[1]);
    await workersReady(server, 1, version);
    return { over: begun, newer: version };
  });
  const crossed = await Promise.all(over.map(({ results }) => results));
  const across = spansOf(crossed[0] ?? []).filter((told) => told.includes(" "));
  assert.ok(across.every((told) => told === `${two}/${base} ${two}/${newer}`));
  assert.ok(across.length > 0, "some were met by the new base");

  // Each is served before the next comes: of one that is only on its way nobody knows whether it leaves room.
  const last: Result[][] = [];
  for (const [name, adapter] of [
    ["second", third],
    ["third", first],
  ] as const) {
    assert.equal(await load(name, adapter), 200);
    last.push(await (await four(name)).results);
  }
  // There is room for three: the one that was used longest ago makes way, and comes again when it is asked for.
  assert.deepEqual(await listed(), ["second@1", "third@1", `tuned@${two}`]);
  assert.equal(await load("fourth", second), 200);
  assert.deepEqual(await listed(), ["fourth@1", "second@1", "third@1"]);
  last.push(await (await four("fourth")).results);
  last.push(await (await four("tuned")).results);
  assert.deepEqual(await listed(), ["fourth@1", "third@1", `tuned@${two}`]);
  const unload = { body: { lora_name: "tuned" } };
  assert.equal((await trainer.call("POST", "/v1/unload_lora_adapter", unload)).status, 200);
  assert.deepEqual(await listed(), ["fourth@1", "third@1"]);

  const merged = new Map<string, string>();
  const parts = [
    ...[[`${base}`, vllm.models[0], null] as const, [`${newer}`, vllm.models[1], null] as const],
    ...[[`${one}/${base}`, vllm.models[0], first] as const],
    ...[[`${two}/${base}`, vllm.models[0], second] as const],
    ...[[`${two}/${newer}`, vllm.models[1], second] as const],
  ];
  for (const [name, model, adapter] of parts) {
    merged.set(name, await ensureMerged(vllm.python, model, adapter));
  }
  const all = [...both, ...crossed].flat();
  const worst = await worstToken(vllm.python, all, (span) => merged.get(nameOf(span)));
  t.diagnostic(`${all.length * TOKENS} tokens, ${across.length} across a new base: ${worst}`);
  for (const [at, adapter] of [third, first, second, second].entries()) {
    const under = await ensureMerged(vllm.python, vllm.models[1], adapter);
    const apart = await worstToken(vllm.python, last[at] ?? [], () => under);
    t.diagnostic(`${TOKENS * 4} tokens of another: ${apart}`);
    assert.ok(apart < EXPLAINED);
  }
  assert.ok(worst < EXPLAINED);
});
