/** LoRA adapters by the calls of vLLM and SGLang: loaded, chosen by name, replaced, taken away. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type FakeVllm, startFakeVllm } from "../../../fakes/vllm/fake-vllm.ts";
import { adapterDirectory } from "../../../support/adapter-directory.ts";
import { createHttpClient, type HttpClient } from "../../../support/http-client.ts";
import {
  type LiveServer,
  STEP_1,
  STEP_2,
  startLiveServer,
  workersReady,
} from "../../../support/live-server.ts";

const DIALECTS = ["vllm", "sglang"] as const;
const PROMPT = [49, 55, 43, 50, 53, 61];

const adapters = [STEP_2, STEP_1].map((step) => adapterDirectory(step));
const [first = "", second = ""] = adapters.map(({ path }) => path);

let engine: FakeVllm;
let server: LiveServer;
let clients: Readonly<Record<(typeof DIALECTS)[number], HttpClient>>;
before(async () => {
  engine = await startFakeVllm({ maxLoras: 2 });
  server = await startLiveServer({
    engine: "none",
    probe_ms: 200,
    dialects: DIALECTS.map((name) => ({ name, port: 0, job: "j" })),
  });
  const [vllm, sglang] = server.dialects.map(({ port }) => createHttpClient(port ?? 0));
  assert.ok(vllm && sglang);
  clients = { vllm, sglang };
  await server.call("PUT", "/v1/policies/default", {});
  await server.call("POST", "/v1/workers", { id: "v", url: engine.url, engine: "vllm" });
  await server.call("POST", "/v1/policies/default/versions?wait=committed", {
    source: { path: STEP_1 },
  });
  await workersReady(server, 1, 1);
});
after(async () => {
  for (const client of Object.values(clients)) await client.close();
  await server.stop();
  await engine.close();
  for (const adapter of adapters) adapter.remove();
});

const vllm = (path: string, body: object) => clients.vllm.call("POST", path, { body });
const sglang = (path: string, body: object) => clients.sglang.call("POST", path, { body });
const names = (): string[] => [...engine.model.adapters.keys()].sort();

const generate = (model: string) =>
  vllm("/inference/v1/generate", {
    model,
    token_ids: PROMPT,
    sampling_params: { max_tokens: 8, temperature: 0, logprobs: 0 },
  });

const idsOf = ({ text, json }: Awaited<ReturnType<typeof generate>>): number[] => {
  const body = json() as { choices?: { token_ids: number[] }[] };
  assert.ok(body.choices?.[0], text);
  return body.choices[0].token_ids;
};

/** Until it is so: an adapter leaves behind the call that replaced it. */
async function until(is: () => boolean): Promise<void> {
  for (let tries = 0; !is(); tries++) {
    assert.ok(tries < 400, names().join());
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

describe("vLLM's and prime-rl's calls", () => {
  test("load, choose by model, load another under the same name, unload", async () => {
    const load = { lora_name: "tuned", lora_path: first };
    const loaded = await vllm("/v1/load_lora_adapter", load);
    assert.equal(loaded.text, "Success: LoRA adapter 'tuned' added successfully.");
    assert.deepEqual(names(), ["tuned@1"]);
    const base = idsOf(await generate("default"));
    const tuned = idsOf(await generate("tuned"));
    assert.notDeepEqual(tuned, base);
    const { data } = (await clients.vllm.call("GET", "/v1/models")).json() as {
      data: { id: string; parent: string | null }[];
    };
    assert.deepEqual(
      data.filter(({ parent }) => parent !== null).map(({ id, parent }) => [id, parent]),
      [["tuned", "default"]],
    );
    const again = await vllm("/load_lora_adapter", { ...load, lora_path: second });
    assert.deepEqual(again.json(), { status: "ok" });
    await until(() => names().join() === "tuned@2");
    assert.deepEqual(idsOf(await generate("tuned")), base);
    const gone = await vllm("/v1/unload_lora_adapter", { lora_name: "tuned" });
    assert.equal(gone.text, "Success: LoRA adapter 'tuned' removed successfully.");
    await until(() => names().length === 0);
    assert.equal((await generate("tuned")).status, 404);
    assert.equal((await vllm("/v1/unload_lora_adapter", { lora_name: "tuned" })).status, 404);
    await vllm("/v1/load_lora_adapter", load);
    await until(() => names().join() === "tuned@3");
    assert.deepEqual(idsOf(await generate("tuned")), tuned);
    await vllm("/v1/unload_lora_adapter", { lora_name: "tuned" });
    await until(() => names().length === 0);
  });

  test("what cannot be is refused, and nothing is left of it", async () => {
    for (const [what, body, status] of [
      ["no name", { lora_path: first }, 400],
      ["no path", { lora_name: "tuned" }, 400],
      ["a name that is none", { lora_name: "a/b", lora_path: first }, 400],
      ["the name of whole weights", { lora_name: "default", lora_path: first }, 409],
      ["a directory that is none", { lora_name: "tuned", lora_path: "/nowhere" }, 422],
      ["whole weights", { lora_name: "tuned", lora_path: STEP_2 }, 422],
    ] as const) {
      const reply = await vllm("/v1/load_lora_adapter", body);
      assert.equal(reply.status, status, `${what}: ${reply.text}`);
    }
    assert.deepEqual(names(), []);
  });

  test("more adapters than the engine has room for take turns, each under its own name, none while it is used", async () => {
    const gone = adapterDirectory(STEP_2);
    const paths = { a: first, b: second, c: gone.path };
    for (const [name, path] of Object.entries(paths)) {
      const loaded = await vllm("/v1/load_lora_adapter", { lora_name: name, lora_path: path });
      assert.equal(loaded.status, 200, loaded.text);
    }
    assert.equal(names().length, 2);
    const base = idsOf(await generate("default"));
    const asked = Array.from({ length: 24 }, (_, i) => "abc"[i % 3] ?? "a");
    const answers = await Promise.all(asked.map((name) => generate(name)));
    const tuned = idsOf(await generate("a"));
    assert.notDeepEqual(tuned, base);
    for (const [i, answer] of answers.entries()) {
      assert.deepEqual(idsOf(answer), asked[i] === "b" ? base : tuned, asked[i] ?? "");
    }
    for (const name of ["a", "b"]) idsOf(await generate(name));
    assert.deepEqual(
      names().map((name) => name[0]),
      ["a", "b"],
    );
    gone.remove();
    const lost = await generate("c");
    assert.equal(lost.status, 503, lost.text);
    assert.match(lost.text, /v did not load c@\d/);
    // What had to make way for it comes back.
    for (const name of ["a", "b"]) idsOf(await generate(name));
    for (const name of ["a", "b", "c"]) await vllm("/v1/unload_lora_adapter", { lora_name: name });
    await until(() => names().length === 0);
  });
});

describe("SGLang's calls", () => {
  test("load, choose by lora_path, unload", async () => {
    const body = { lora_name: "tuned", lora_path: first, pinned: false };
    const loaded = await sglang("/load_lora_adapter", body);
    assert.deepEqual(loaded.json(), {
      success: true,
      error_message: "",
      loaded_adapters: { tuned: first },
    });
    const ask = (name: string | null) =>
      sglang("/generate", {
        input_ids: PROMPT,
        lora_path: name,
        sampling_params: { max_new_tokens: 8, temperature: 0 },
      });
    const ids = async (name: string | null): Promise<unknown> =>
      ((await ask(name)).json() as { output_ids: unknown }).output_ids;
    assert.notDeepEqual(await ids("tuned"), await ids(null));
    const unknown = await ask("other");
    assert.equal(unknown.status, 400);
    assert.match(unknown.text, /requested LoRA adapters are not loaded: other/);
    const gone = await sglang("/unload_lora_adapter", { lora_name: "tuned" });
    assert.deepEqual(gone.json(), { success: true, error_message: "", loaded_adapters: {} });
    await until(() => names().length === 0);
    const again = await sglang("/unload_lora_adapter", { lora_name: "tuned" });
    assert.equal(again.status, 400);
    assert.equal((again.json() as { success: boolean }).success, false);
    assert.equal((await ask("tuned")).status, 400);
  });
});
