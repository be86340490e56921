/**
 * Our vLLM dialect over real vLLM, spoken to as prime-rl and TRL speak to vLLM itself: what they read is what the engine would
 * have told them, through pauses, an update from a directory and one that the trainer moves itself.
 */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { Witness } from "../../conformance/witness.ts";
import { createHttpClient, type HttpClient } from "../../support/http-client.ts";
import { type LiveServer, startLiveServer, workersReady } from "../../support/live-server.ts";
import { distance, replay } from "../attestation/replay.ts";
import {
  FILE_TRANSFER,
  openVllm,
  VLLM_VERSION,
  type Vllm,
  type VllmProcess,
} from "../engines/vllm.ts";
import { bodyOf, EXPLAINED, publish, reached } from "../fleet.ts";
import {
  assertAlike,
  type Choice,
  type Entry,
  entriesOf,
  namesOf,
  type Reply,
} from "./dialect-reply.ts";

const GENERATE = "/inference/v1/generate";
const PROMPT = Array.from({ length: 40 }, (_, at) => 300 + at);

let vllm: Vllm;
let engine: VllmProcess;
let server: LiveServer;
let ours: HttpClient;
let real: HttpClient;
let folder: string;

before(async () => {
  vllm = await openVllm();
  engine = await vllm.start(FILE_TRANSFER);
  server = await startLiveServer({
    engine: "none",
    lease_ms: 30_000,
    dialects: [{ name: "vllm", port: 0, job: "prime" }],
  });
  ours = createHttpClient(server.dialects[0]?.port ?? 0);
  real = createHttpClient(engine.port);
  folder = mkdtempSync(join(tmpdir(), "broadcasts-"));
  await bodyOf(server, "PUT", "/v1/policies/default", { min_proof: "reported" });
  await bodyOf(server, "POST", "/v1/workers", { id: "w-1", url: engine.url, engine: "vllm" });
  await workersReady(server, 1, await publish(server, vllm.models[0]));
});
after(async () => {
  await ours?.close();
  await real?.close();
  await server?.stop();
  await engine?.kill();
  rmSync(folder, { recursive: true, force: true });
});

async function post<T>(client: HttpClient, path: string, body: object = {}): Promise<T> {
  const { status, text } = await client.call("POST", path, { body });
  assert.equal(status, 200, `${path}: ${text}`);
  return JSON.parse(text) as T;
}

const asked = (sampling: object, more: object = {}): object => ({
  token_ids: PROMPT,
  sampling_params: { max_tokens: 32, ignore_eos: true, logprobs: 0, seed: 7, ...sampling },
  ...more,
});

async function generated(sampling: object, more: object = {}): Promise<Choice> {
  const { choices } = await post<Reply>(ours, GENERATE, asked(sampling, more));
  assert.equal(choices.length, 1);
  return choices[0] as Choice;
}

/** Requests by these ids, each with a seed of its own; they run when this returns, so that others can be made meanwhile. */
function begin(ids: readonly string[], sampling: object): { readonly all: Promise<Choice[]> } {
  const requests = ids.map((id, seed) => generated({ seed, ...sampling }, { request_id: id }));
  return { all: Promise.all(requests) };
}

/** Resolves when so many rollouts of the job run at the engine: told at once, where an engine's own gauges lag. */
async function ran(count: number): Promise<void> {
  for (;;) {
    const { body } = await server.call<{ load?: { running: number } }>("GET", "/v1/jobs/prime");
    if (body.load?.running === count) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * How far the worst token is from what torch computes for what the spans say, each from KV of its own. `models`: by name of
 * version.
 */
async function worst(
  choices: readonly Choice[],
  models: Readonly<Record<string, string>>,
): Promise<number> {
  const replayed = choices.map(({ token_ids: output, weight_versions: spans }) => {
    const phases = (spans ?? []).map(({ version, end }) => {
      const model = models[version];
      assert.ok(model, `nobody called a version ${version}`);
      return { model, end, fresh: true };
    });
    return { prompt: PROMPT, output, phases };
  });
  const told = await replay(vllm.python, replayed);
  const apart = choices.map(({ token_ids: output, logprobs }, at) => {
    const values = (logprobs?.content ?? []).map(({ logprob }) => logprob);
    assert.equal(values.length, output.length);
    return distance(values, told[at]?.processed ?? []).largest;
  });
  return Math.max(...apart);
}

const witness = new Witness(
  { engine: "vllm", against: "real", version: VLLM_VERSION },
  "vLLM's dialect over it",
);

witness.test(
  "the same request has the same ids and logprobs as at the engine itself, in both spellings",
  async () => {
    for (const sampling of [
      { temperature: 0 },
      { temperature: 1, seed: 7 },
      { logprobs: 3, top_k: 5 },
    ]) {
      const made = await generated(sampling);
      const direct = await post<Reply>(real, GENERATE, {
        ...asked(sampling),
        cache_salt: `direct-${JSON.stringify(sampling)}`,
      });
      const [wanted] = direct.choices;
      assert.ok(wanted);
      assert.deepEqual(made.token_ids, wanted.token_ids);
      assert.equal(made.finish_reason, wanted.finish_reason);
      for (const [at, entry] of entriesOf(made).entries()) {
        const other: Entry | undefined = entriesOf(wanted)[at];
        assert.deepEqual(
          [entry.token, entry.token_id],
          [`token_id:${entry.token_id}`, other?.token_id],
        );
        assert.ok(Math.abs(entry.logprob - (other?.logprob ?? Number.NaN)) < EXPLAINED);
        assertAlike(entry.top_logprobs ?? [], other?.top_logprobs ?? []);
      }
    }
  },
);

witness.test("prompt logprobs are the engine's own, in their order", async () => {
  const wish = asked({ max_tokens: 1, prompt_logprobs: 0, temperature: 0 });
  const made = await post<Reply>(ours, GENERATE, wish);
  const direct = await post<Reply>(real, GENERATE, { ...wish, cache_salt: "scored" });
  assert.equal(made.prompt_logprobs?.length, PROMPT.length);
  assert.equal(made.prompt_logprobs?.[0], null);
  for (const [at, id] of PROMPT.entries()) {
    if (at === 0) continue;
    const of = ({ prompt_logprobs: all }: Reply): number => all?.[at]?.[id]?.logprob ?? Number.NaN;
    assert.ok(Math.abs(of(made) - of(direct)) < EXPLAINED, `prompt logprob ${at}`);
  }
});

witness.test(
  "a stream says what the unary reply says, its versions with the last chunk",
  async () => {
    const wish = { temperature: 0, max_tokens: 48 };
    const whole = await generated(wish);
    const { status, text } = await ours.call("POST", GENERATE, {
      body: asked(wish, { stream: true, stream_options: { include_usage: true } }),
    });
    assert.equal(status, 200, text);
    const events = text
      .split("\n\n")
      .filter((event) => event.startsWith("data: "))
      .map((event) => event.slice("data: ".length));
    assert.equal(events.at(-1), "[DONE]");
    const chunks = events.slice(0, -1).map((event) => JSON.parse(event) as Reply);
    const choices = chunks.flatMap((chunk) => chunk.choices);
    assert.deepEqual(
      choices.flatMap(({ token_ids: ids }) => ids),
      whole.token_ids,
    );
    assert.deepEqual(
      choices.flatMap(entriesOf).map(({ token }) => token),
      whole.token_ids.map((id) => `token_id:${id}`),
    );
    assert.deepEqual(choices.at(-1)?.weight_versions, whole.weight_versions);
    assert.equal(chunks.at(-1)?.usage?.completion_tokens, 48);
  },
);

witness.test(
  "pause keep freezes, requests wait behind it, and a resume makes the tokens of the undisturbed run",
  async () => {
    const wish = { temperature: 0, max_tokens: 400 };
    const undisturbed = await generated(wish);
    const running = await engine.slowly(async () => {
      const begun = begin(["frozen"], wish);
      await reached(server, ["frozen"], 20, "prime");
      await post(ours, "/pause?mode=keep&clear_cache=false");
      return begun;
    });
    assert.deepEqual((await ours.call("GET", "/is_paused")).json(), { is_paused: true });
    assert.deepEqual((await real.call("GET", "/is_paused")).json(), { is_paused: true });
    let answered = false;
    const waiting = generated({ temperature: 0 }).finally(() => {
      answered = true;
    });
    assert.equal((await ours.call("GET", "/health")).status, 200);
    assert.equal(answered, false);
    await post(ours, "/resume");
    assert.equal((await waiting).token_ids.length, 32);
    const whole = (await running.all)[0]?.token_ids ?? [];
    const common = whole.findIndex((id, at) => id !== undisturbed.token_ids[at]);
    // Batches of another size round otherwise: a tie may fall the other way, long after the pause.
    assert.ok(common < 0 || common > 40, `they part at ${common}`);
    assert.equal(whole.length, 400);
  },
);

witness.test("pause abort ends what runs, with what it has", async () => {
  const ended = ["ended-1", "ended-2", "ended-3"];
  const running = await engine.slowly(async () => {
    const begun = begin(ended, { max_tokens: 400 });
    await reached(server, ended, 5, "prime");
    await post(ours, "/pause?mode=abort");
    return begun;
  });
  for (const { finish_reason: reason, token_ids: ids, logprobs } of await running.all) {
    assert.equal(reason, "abort");
    assert.ok(ids.length >= 5 && ids.length < 400);
    assert.equal(logprobs?.content.length, ids.length);
  }
  await post(ours, "/resume");
  assert.equal((await generated({})).token_ids.length, 32);
});

witness.test("an abort by the client's own id reaches the engine", async () => {
  await engine.slowly(async () => {
    const running = begin(["mine-1"], { max_tokens: 400 });
    await reached(server, ["mine-1"], 5, "prime");
    await post(ours, "/abort_requests", { request_ids: ["mine-1"] });
    assert.equal((await running.all)[0]?.finish_reason, "abort");
    await ran(0);
  });
});

witness.test(
  "an update from a directory amid requests: the step is told from there on, and torch finds it so",
  async () => {
    const directory = join(folder, "step_3");
    cpSync(vllm.models[1], directory, { recursive: true });
    const ids = [1, 2, 3, 4].map((seed) => `amid-${seed}`);
    const running = await engine.slowly(async () => {
      const begun = begin(ids, { max_tokens: 400 });
      await reached(server, ids, 20, "prime");
      await post(ours, "/pause?mode=keep&clear_cache=true");
      return begun;
    });
    await post(ours, "/update_weights", { weight_dir: directory });
    await post(ours, "/resume");
    const all = await running.all;
    const models = { default: vllm.models[0], "3": directory };
    for (const choice of all) assert.deepEqual(namesOf(choice), ["default", "3"]);
    const apart = await worst(all, models);
    console.log(`${all.length} across the update: worst token ${apart.toFixed(4)} nat`);
    assert.ok(apart < EXPLAINED);
    assert.deepEqual((await ours.call("GET", "/weight_info")).json(), { weight_version: "3" });
  },
);

witness.test(
  "weights that the trainer moves itself: each call reaches the engine, under our name for the version",
  async () => {
    const path = join(vllm.models[0], "model.safetensors");
    await post(ours, "/init_weight_transfer_engine", {
      init_info: { rank_offset: 1, world_size: 2 },
    });
    await post(ours, "/pause?mode=keep&clear_cache=false");
    await post(ours, "/start_weight_update");
    const waiting = generated({ max_tokens: 64 });
    await post(ours, "/update_weights", { update_info: { path } });
    await post(ours, "/finish_weight_update", { weight_version: "moved-4" });
    await post(ours, "/resume");
    const made = await waiting;
    assert.deepEqual(namesOf(made), ["moved-4"]);
    assert.ok((await worst([made], { "moved-4": vllm.models[0] })) < EXPLAINED);
    const { weight_version: told } = (await real.call("GET", "/weight_info")).json() as {
      weight_version: string;
    };
    assert.match(told, /^default@\d+/);
  },
);

witness.test("metrics and what it says of itself have the engine's own names", async () => {
  const names = (text: string): Set<string> =>
    new Set([...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name as string));
  const told = names((await ours.call("GET", "/metrics")).text);
  const known = names((await real.call("GET", "/metrics")).text);
  assert.ok(told.size >= 5);
  for (const name of told) {
    assert.ok(known.has(name) || known.has(name.replace(/_total$/, "")), `${name} is not vLLM's`);
  }
  for (const path of ["/version", "/get_world_size"]) {
    assert.deepEqual((await ours.call("GET", path)).json(), (await real.call("GET", path)).json());
  }
});
