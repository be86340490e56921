/**
 * What stands between callers and one engine that speaks SGLang's wire: this server, a Node pass-through, HAProxy, and
 * the routers that others publish. Whatever cannot be started is named with its reason.
 */
import { copyFileSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { call, model, publish, startServer } from "./fleet.ts";
import { freshId, idsOf } from "./load.ts";
import { type Measured, start } from "./processes.ts";
import { startHaproxy, startPassThrough } from "./rivals.ts";
import { DYNAMO, install, ROUTERS, type Started, startDynamo, startRouter } from "./routers.ts";

export interface Order {
  /** Base64 of u32[]. */
  readonly prompt: string;
  readonly tokens: number;
  readonly stream: boolean;
}

export interface Middle {
  readonly name: string;
  readonly process: Measured;
  /** Where a rollout is posted. */
  readonly url: string;
  body(order: Order): string;
  /** It has its own engine, which sends a token an event, and answers streams alone. */
  readonly tokenWise: boolean;
}

export interface Middles {
  /** Of the engine that all others stand before. */
  readonly engine: string;
  readonly running: readonly Middle[];
  readonly absent: readonly { readonly name: string; readonly reason: string }[];
}

export interface MiddlesOptions {
  /** Folder of the routers' Python environments. */
  readonly venv: string;
  /** Makes them first. */
  readonly install: boolean;
  /** Flags of the server's Node. */
  readonly node: readonly string[];
}

/** Ids that the small model behind the engine has. */
const VOCABULARY = 256;

const idsOfOrder = ({ prompt }: Order): number[] => idsOf(prompt).map((id) => id % VOCABULARY);

/** The same to everyone, but for its id. */
function sglangBody(order: Order): string {
  return JSON.stringify({
    rid: freshId(),
    input_ids: idsOfOrder(order),
    sampling_params: { max_new_tokens: order.tokens, temperature: 1, ignore_eos: true },
    return_logprob: true,
    stream: order.stream,
    ...(order.stream ? { incremental_streaming_output: true } : {}),
  });
}

function nativeBody(order: Order): string {
  return JSON.stringify({
    id: freshId(),
    prompt_token_ids: Buffer.from(Uint32Array.from(idsOfOrder(order)).buffer).toString("base64"),
    sampling: { max_new_tokens: order.tokens, ignore_eos: true },
    encoding: "b64",
  });
}

const passed = (name: string, { process, url }: Started, tokenWise = false): Middle => ({
  ...{ name, process, url, body: sglangBody, tokenWise },
});

export async function startMiddles(options: MiddlesOptions): Promise<Middles> {
  if (options.install) install(options.venv);
  const file = fileURLToPath(new URL("./wire-engine.ts", import.meta.url));
  const { match: engine } = await start(process.execPath, [file], /engine at (\S+)/);
  const running = [...(await startOurs(engine, options.node))];
  const absent: { name: string; reason: string }[] = [];
  const add = async (name: string, starting: () => Promise<Middle>): Promise<void> => {
    try {
      running.push(await starting());
    } catch (thrown) {
      absent.push({ name, reason: thrown instanceof Error ? thrown.message : String(thrown) });
    }
  };
  const proxied = async (rival: Promise<Started | null>): Promise<Started> => {
    const started = await rival;
    if (started === null) throw new Error("not installed");
    return { ...started, url: `${started.url}/generate` };
  };
  await add("Node pass-through", async () =>
    passed("Node pass-through", await proxied(startPassThrough(engine))),
  );
  await add("HAProxy", async () =>
    passed("HAProxy", await proxied(startHaproxy(engine, options.install))),
  );
  for (const router of ROUTERS) {
    const { name, version } = router;
    await add(name, async () =>
      passed(`${name} ${version}`, await startRouter(router, options.venv, engine)),
    );
  }
  await add(DYNAMO.name, async () => {
    const started = await startDynamo(options.venv);
    return passed(`Dynamo frontend ${DYNAMO.version}, its own mocker`, started, true);
  });
  return { engine, running, absent };
}

/** The engine's replies hold no text either: beside a tokenizer the dialect would make it, 2,048 tokens in some 0.4 ms. */
function withoutTokenizer(): string {
  const folder = mkdtempSync(join(tmpdir(), "bench-weights-"));
  for (const file of ["config.json", "model.safetensors"]) {
    copyFileSync(join(model, file), join(folder, file));
  }
  return folder;
}

async function startOurs(engine: string, node: readonly string[]): Promise<readonly Middle[]> {
  const { server, http } = await startServer(["--dialect", "sglang"], node);
  await call("PUT", `${http}/v1/policies/default`, { kind: "full" });
  await call("POST", `${http}/v1/workers`, { url: engine, engine: "sglang" });
  await publish(http, withoutTokenizer());
  const ours = passed("Paceline, SGLang dialect", {
    process: server,
    url: `${http}/jobs/default/generate`,
  });
  return [ours, { ...ours, name: "Paceline, b64", url: `${http}/v1/rollouts`, body: nativeBody }];
}
