/**
 * What an SGLang server can do, found out by asking it, once in each of its lives. The vocabulary's size is told by
 * nothing but a refusal, and EOS ids by nothing but what `min_new_tokens` takes away; which distribution its logprobs
 * are of is a matter of versions and environment variables, so it is measured.
 */

import { PacelineError } from "../../server/contract/errors.ts";
import type { LogprobMode } from "../../server/contract/rollout.ts";
import type { EngineDescription } from "../../server/contract/worker.ts";
import { LIMITS } from "../../server/limits.ts";
import { shown } from "../http/shown.ts";
import { parseLabel } from "../label.ts";
import { takesAdapters } from "./adapters.ts";
import {
  adaptersOf,
  buildOf,
  describe,
  incarnationOf,
  parseServerInfo,
  type ServerInfo,
} from "./capabilities.ts";
import { showsChecksum } from "./checksum.ts";
import type { Client } from "./client.ts";
import type { EngineState, Facts } from "./facts.ts";
import { heldBy } from "./weights.ts";

/** In every vocabulary, and no prompt that anybody has cached. */
const PROMPT = [1, 2, 3];
/** Beyond every vocabulary. Only ever in a field that the server checks before its scheduler hears of it. */
const NO_TOKEN = 0x7fff_ffff;
/** What SGLang gives ids that it forbids: float32's least, -infinity or null. */
const FORBIDDEN = -1e30;

/** Enough that the likeliest id and the last of them are apart. */
const SHARP_ROWS = 64;

type Meta = Readonly<Record<string, unknown>>;

export async function probe(
  client: Client,
  state: EngineState,
  signal: AbortSignal,
): Promise<EngineDescription> {
  const { turns } = state;
  const [info, model, ready] = await Promise.all([
    client.calls.json({ method: "GET", path: "/server_info" }, signal),
    client.calls.json({ method: "GET", path: "/model_info" }, signal),
    isReady(client, signal),
  ]);
  const given = parseServerInfo(info);
  const incarnation = incarnationOf(given);
  const { weight_version: label = "" } = (model ?? {}) as { weight_version?: unknown };
  if (incarnation !== state.incarnation) reborn(state, incarnation);
  state.label = parseLabel(shown(label));
  state.loads = Math.max(state.loads, state.label?.load ?? 0);
  // Else a slow look would have a swap believe that the engine runs, and let it run before anyone proved what it holds.
  if (ready !== null && turns === state.turns) state.paused = !ready;
  if (state.facts === null) {
    if (state.paused) throw standsStill(incarnation);
    state.facts = await measure(client, given, incarnation, signal);
  }
  return describe(given, state, state.facts, await heldBy(client, state, signal));
}

function reborn(state: EngineState, incarnation: string): void {
  state.incarnation = incarnation;
  state.facts = null;
  state.paused = false;
  state.asleep = false;
  state.loads = 0;
}

/** `/ready` is 503 while it is paused; null: a server without that route. */
async function isReady({ calls }: Client, signal: AbortSignal): Promise<boolean | null> {
  try {
    await calls.text({ method: "GET", path: "/ready" }, signal);
    return true;
  } catch (thrown) {
    const { details } = PacelineError.from(thrown);
    if (details["status"] === 503) return false;
    if (details["status"] === 404) return null;
    throw thrown;
  }
}

async function measure(
  client: Client,
  info: ServerInfo,
  incarnation: string,
  signal: AbortSignal,
): Promise<Facts> {
  const vocabSize = await vocabularyOf(client, signal);
  const experts = info.enable_return_routed_experts === true;
  const ask = (id: number, sampling: object, rows: number): Promise<Meta> =>
    generate(client, { rid: `${incarnation}-${id}`, sampling, rows, experts }, signal);
  const adapters = adaptersOf(info);
  const [all, sharp, checksums] = await Promise.all([
    ask(1, { temperature: 1, min_new_tokens: 1, max_new_tokens: 1, stream_interval: 8 }, vocabSize),
    ask(2, { temperature: 0.5, top_p: 1e-4, max_new_tokens: 1 }, Math.min(SHARP_ROWS, vocabSize)),
    // Whether loaded adapters are part of what it sums over has not been seen.
    adapters === 0 && showsChecksum(client, signal),
  ]);
  const flat = firstRow(all);
  const takes = adapters > 0 && (await takesAdapters(client, signal));
  const contextLength = info.context_length ?? (await contextOf(client, signal));
  return {
    contextLength,
    promptLimit: info.max_req_input_len ?? contextLength,
    vocabSize,
    slots: info.dp_size,
    deterministic: info.enable_deterministic_inference === true,
    lowPriorityFirst:
      info.enable_priority_scheduling === true
        ? info.schedule_low_priority_values_first === true
        : null,
    incremental: info.incremental_streaming_output === true,
    // The first request had one, and servers that know none refuse.
    streamInterval: true,
    maskTokens: info.sampling_mask_max_tokens ?? 0,
    experts: typeof all["routed_experts"] === "string",
    memorySaver: info.enable_memory_saver === true,
    adapters: takes ? adapters : 0,
    logprobMode: modeOf(flat, firstRow(sharp)),
    tellsVersions: Array.isArray(all["weight_versions"]),
    eosTokenIds: forbiddenOf(flat, vocabSize),
    checksums,
    build: buildOf(info),
  };
}

/** Where the server was given none, its model's own. */
async function contextOf({ calls }: Client, signal: AbortSignal): Promise<number> {
  const models = await calls.json({ method: "GET", path: "/v1/models" }, signal);
  const length = (models as { data?: { max_model_len?: unknown }[] } | null)?.data?.[0]
    ?.max_model_len;
  if (Number.isInteger(length)) return length as number;
  throw new PacelineError("engine_error", "/v1/models tells no max_model_len");
}

/** By what it refuses: a bias on a token that it does not have. */
async function vocabularyOf(client: Client, signal: AbortSignal): Promise<number> {
  const sampling = { max_new_tokens: 0, logit_bias: { [NO_TOKEN]: 0 } };
  try {
    const rid = "paceline-vocabulary";
    await generate(client, { rid, sampling, rows: 0, experts: false }, signal);
  } catch (thrown) {
    const error = PacelineError.from(thrown);
    const last = /\[0, (\d+)\]/.exec(error.message)?.[1];
    if (error.code !== "invalid_argument" || last === undefined) throw error;
    if (Number(last) < LIMITS.vocabulary) return Number(last) + 1;
    throw new PacelineError("engine_error", `it says that its last token id is ${last}`);
  }
  throw new PacelineError("unsupported", "this SGLang server does not check token ids of a bias");
}

interface Probing {
  readonly rid: string;
  readonly sampling: object;
  readonly rows: number;
  readonly experts: boolean;
}

async function generate(
  { replies }: Client,
  { rid, sampling, rows, experts }: Probing,
  signal: AbortSignal,
): Promise<Meta> {
  const body = {
    rid,
    input_ids: PROMPT,
    extra_key: rid,
    return_logprob: true,
    top_logprobs_num: rows,
    ...(experts ? { return_routed_experts: true } : {}),
    sampling_params: { top_k: -1, ...sampling },
  };
  const reply = await replies.json({ method: "POST", path: "/generate", body }, signal);
  const meta = (reply as { meta_info?: Meta } | null)?.meta_info;
  if (meta !== undefined) return meta;
  throw new PacelineError("engine_error", "/generate answers without meta_info");
}

/** Logprob and id of the first position's alternatives, most likely first. */
function firstRow(meta: Meta): (readonly [logprob: number, id: number])[] {
  const rows = meta["output_top_logprobs"];
  const row: unknown = Array.isArray(rows) ? rows[0] : null;
  const isPair = (pair: unknown): boolean => Array.isArray(pair) && Number.isSafeInteger(pair[1]);
  if (!Array.isArray(row) || row.length < 2 || !row.every(isPair)) {
    throw new PacelineError("engine_error", "/generate tells no top logprobs");
  }
  return (row as [unknown, number][]).map(([value, id]) => [
    typeof value === "number" ? value : Number.NEGATIVE_INFINITY,
    id,
  ]);
}

/** Ids that could not be sampled. */
function forbiddenOf(
  row: readonly (readonly [logprob: number, id: number])[],
  vocabSize: number,
): readonly number[] {
  const allowed = new Set(row.flatMap(([value, id]) => (value < FORBIDDEN ? [] : [id])));
  return Array.from({ length: vocabSize }, (_, id) => id).filter((id) => !allowed.has(id));
}

/** From the likeliest ids at temperature 1, and at 0.5 with a top-p that leaves one. */
function modeOf(
  flat: readonly (readonly [number, number])[],
  sharp: readonly (readonly [number, number])[],
): LogprobMode {
  if ((sharp[1]?.[0] ?? 0) < FORBIDDEN) return "processed";
  const last = Math.min(flat.length, sharp.length) - 1;
  const gap = (row: typeof flat): number => (row[0]?.[0] ?? 0) - (row[last]?.[0] ?? 0);
  // Half the temperature doubles a gap, up to rounding.
  const doubled = Math.abs(gap(sharp) - 2 * gap(flat)) < Math.abs(gap(sharp) - gap(flat));
  return doubled ? "tempered" : "raw";
}

const standsStill = (incarnation: string): PacelineError =>
  new PacelineError(
    "engine_error",
    "SGLang is paused, and what it can do has not been seen yet: POST /continue_generation lets it go on",
    { details: { paused: true, incarnation } },
  );
