/**
 * What it costs to read an engine's reply: the byte cursor beside `JSON.parse` and a walk over its tree, both ending
 * with the same typed arrays. One process, no sockets; replies rotate; the ratio is of one run.
 */
import { parseArgs } from "node:util";
import { END, JsonCursor } from "../../adapters/json/cursor.ts";
import { GrowingFloat32, GrowingUint32 } from "../../adapters/json/growing.ts";
import { Keys } from "../../adapters/json/keys.ts";
import { KnownPrefix } from "../../adapters/json/known-prefix.ts";
import { LogprobPairs } from "../../adapters/sglang/logprob-pairs.ts";
import { LogprobEntries } from "../../adapters/vllm/logprob-entries.ts";
import { seededRandom } from "../../server/seeded-random.ts";

const { values } = parseArgs({
  options: {
    tokens: { type: "string", default: "2048" },
    rounds: { type: "string", default: "60" },
  },
});
const tokens = Number(values.tokens);
const rounds = Number(values.rounds);
const REPLIES = 8;
const PIECES = 64;

interface Tokens {
  readonly ids: Uint32Array;
  readonly logprobs: Float32Array;
}

function sample(seed: number): Tokens {
  const random = seededRandom(seed);
  return {
    ids: Uint32Array.from({ length: tokens }, () => random.u32() % 151_936),
    logprobs: Float32Array.from({ length: tokens }, () => Math.log((1 + random.u32()) / 2 ** 32)),
  };
}

/** Of `/inference/v1/generate`, as the real server writes it. */
function vllmReply({ ids, logprobs }: Tokens): Buffer {
  const content = Array.from(ids, (token_id, i) => {
    const entry = { token_id, logprob: logprobs[i] as number, rank: 1 + (token_id % 9) };
    return { ...entry, top_logprobs: [entry] };
  });
  return Buffer.from(
    JSON.stringify({
      request_id: "generate-tokens-r",
      model: "m",
      created: 1_795_339_554,
      usage: { prompt_tokens: 4, total_tokens: 4 + ids.length, completion_tokens: ids.length },
      prompt_logprobs: null,
      output_mode: "tokens",
      choices: [
        {
          index: 0,
          finish_reason: "length",
          stop_reason: null,
          token_ids: [...ids],
          routed_experts: null,
          weight_versions: [{ version: "7", start: 0, end: ids.length }],
          logprobs: { content },
        },
      ],
    }),
  );
}

/** Of `/generate`, the first `length` tokens: a cumulative piece, or the whole. */
function sglangReply({ ids, logprobs }: Tokens, length: number): Buffer {
  const some = ids.subarray(0, length);
  return Buffer.from(
    JSON.stringify({
      text: "",
      output_ids: [...some],
      meta_info: {
        id: "r",
        finish_reason: null,
        prompt_tokens: 4,
        weight_version: "7",
        output_token_logprobs: Array.from(some, (id, i) => [logprobs[i] as number, id, null]),
        completion_tokens: length,
        cached_tokens: 0,
      },
    }),
  );
}

const cursor = new JsonCursor();
const ids = new GrowingUint32();
const scores = new GrowingFloat32();
/** The ids that the logprobs name, to be compared with the ids proper. */
const entryIds = new GrowingUint32();

const TOP = new Keys("choices");
const CHOICE = new Keys("finish_reason", "token_ids", "logprobs");
const LOGPROBS = new Keys("content");
const ENTRY = new Keys("token_id", "logprob", "rank", "top_logprobs");

/** Calls `known` for each key that `keys` knows, skips what is left. */
function object(keys: Keys, known: (key: number) => void): void {
  if (!cursor.enterObject()) return;
  for (let key = cursor.key(keys); key !== END; key = cursor.key(keys)) {
    if (key < 0) cursor.skip();
    else known(key);
  }
}

const entries = new LogprobEntries(entryIds, scores);

function vllmEntries(): void {
  cursor.enterArray();
  cursor.rows(entries);
  while (cursor.element()) {
    cursor.enterObject();
    for (let key = cursor.key(ENTRY); key !== END; key = cursor.key(ENTRY)) {
      if (key === 0) entryIds.push(cursor.uint32());
      else if (key === 1) scores.push(cursor.float32());
      else cursor.skip();
    }
  }
}

function vllmChoice(key: number): void {
  if (key === 0) cursor.string();
  else if (key === 1) cursor.uint32Array(ids);
  else object(LOGPROBS, vllmEntries);
}

function vllmCursor(reply: Buffer): Tokens {
  cursor.reset(reply, 0, reply.length);
  object(TOP, () => {
    cursor.enterArray();
    while (cursor.element()) object(CHOICE, vllmChoice);
  });
  if (!cursor.finish()) throw new Error("a surprise");
  entryIds.rewind(0);
  return { ids: ids.take(), logprobs: scores.take() };
}

function vllmParse(reply: Buffer): Tokens {
  const { token_ids, logprobs } = JSON.parse(reply.toString()).choices[0];
  const { content } = logprobs;
  const made = new Float32Array(content.length);
  for (let i = 0; i < made.length; i++) made[i] = content[i].logprob;
  return { ids: Uint32Array.from(token_ids), logprobs: made };
}

const REPLY = new Keys("output_ids", "meta_info");
const META = new Keys("finish_reason", "output_token_logprobs", "completion_tokens");
const pairs = new LogprobPairs(entryIds, scores);
/** Whether the reply that is read comes in pieces that repeat what came before. */
let cumulative = false;
const knownIds = new KnownPrefix();
const knownScores = new KnownPrefix();

function sglangMeta(key: number): void {
  if (key !== 1) {
    cursor.skip();
    return;
  }
  if (!(cumulative ? cursor.enterArrayAfter(knownScores) : cursor.enterArray())) return;
  cursor.rows(pairs);
  while (cursor.element()) {
    cursor.enterArray();
    if (cursor.element()) scores.push(cursor.float32());
    if (cursor.element()) entryIds.push(cursor.uint32());
    while (cursor.element()) cursor.skip();
  }
  if (cumulative) cursor.remember(knownScores);
}

/** Ids are those that the logprobs name, as in the adapter. */
function sglangKey(key: number): void {
  if (key === 1) object(META, sglangMeta);
  else if (!cumulative) cursor.skip();
  else if (cursor.enterArrayAfter(knownIds)) {
    while (cursor.element()) cursor.skip();
    cursor.remember(knownIds);
  }
}

function sglangCursor(pieces: readonly Buffer[]): Tokens {
  cumulative = pieces.length > 1;
  knownIds.forget();
  knownScores.forget();
  for (const piece of pieces) {
    cursor.reset(piece, 0, piece.length);
    object(REPLY, sglangKey);
    if (!cursor.finish()) throw new Error("a surprise");
  }
  return { ids: entryIds.take(), logprobs: scores.take() };
}

function sglangParse(pieces: readonly Buffer[]): Tokens {
  const made: Tokens = { ids: new Uint32Array(tokens), logprobs: new Float32Array(tokens) };
  let seen = 0;
  for (const piece of pieces) {
    const { output_ids, meta_info } = JSON.parse(piece.toString());
    const pairs = meta_info.output_token_logprobs;
    for (; seen < output_ids.length; seen++) {
      made.ids[seen] = output_ids[seen];
      made.logprobs[seen] = pairs[seen][0];
    }
  }
  return made;
}

/** Milliseconds a reply: the fastest quarter of the rounds, on replies that rotate. */
function measure<T>(replies: readonly T[], read: (reply: T) => Tokens, times: number): number {
  const took: number[] = [];
  for (let round = 0; round < times; round++) {
    const reply = replies[round % replies.length] as T;
    const began = performance.now();
    const got = read(reply);
    took.push(performance.now() - began);
    if (got.ids.length !== tokens || got.logprobs.length !== tokens)
      throw new Error("not all tokens");
  }
  took.sort((a, b) => a - b);
  return took[Math.floor(took.length / 4)] as number;
}

function compare<T>(
  name: string,
  replies: readonly T[],
  bytes: number,
  by: { cursor: (reply: T) => Tokens; parse: (reply: T) => Tokens; times: number },
): void {
  const [first] = replies as [T];
  const [a, b] = [by.cursor(first), by.parse(first)];
  if (Buffer.compare(Buffer.from(a.ids.buffer), Buffer.from(b.ids.buffer)) !== 0)
    throw new Error(name);
  if (a.logprobs.some((logprob, i) => logprob !== b.logprobs[i])) throw new Error(name);
  const parse = measure(replies, by.parse, by.times);
  const walked = measure(replies, by.cursor, by.times);
  const again = measure(replies, by.parse, by.times);
  const slowest = Math.min(parse, again);
  console.log(
    `${name.padEnd(34)} ${(bytes / 1024).toFixed(0).padStart(7)} KiB  JSON.parse ${slowest.toFixed(3)} ms  ` +
      `cursor ${walked.toFixed(3)} ms (${(bytes / walked / 1e6).toFixed(2)} GB/s)  ${(slowest / walked).toFixed(1)} ×`,
  );
}

const samples = Array.from({ length: REPLIES }, (_, seed) => sample(seed + 1));
const vllm = samples.map(vllmReply);
const whole = samples.map((one) => [sglangReply(one, tokens)]);
const growing = samples.map((one) =>
  Array.from({ length: PIECES }, (_, i) =>
    sglangReply(one, Math.round(((i + 1) * tokens) / PIECES)),
  ),
);
const sizeOf = (pieces: readonly Buffer[]): number =>
  pieces.reduce((sum, { length }) => sum + length, 0);

compare(`vLLM, ${tokens} tokens, unary`, vllm, sizeOf(vllm.slice(0, 1)), {
  cursor: vllmCursor,
  parse: vllmParse,
  times: rounds,
});
compare(`SGLang, ${tokens} tokens, unary`, whole, sizeOf(whole[0] ?? []), {
  cursor: sglangCursor,
  parse: sglangParse,
  times: rounds,
});
compare(`SGLang, ${PIECES} cumulative pieces`, growing, sizeOf(growing[0] ?? []), {
  cursor: sglangCursor,
  parse: sglangParse,
  times: Math.ceil(rounds / 4),
});
