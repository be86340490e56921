/**
 * Replies of SGLang's `/generate`, written before the clock runs: only the request's id and the weights' label
 * are put in when one is asked for. Several of each length, so that nobody's cache is flattered.
 */
import { seededRandom } from "../../server/seeded-random.ts";

/** Text around the id and the label. */
type Template = readonly [beforeId: string, beforeLabel: string, rest: string];

export interface PreparedReplies {
  /** One body. */
  whole(id: string, label: string, tokens: number): string;
  /** Server-sent events, the first of one token, then of `interval` each, `[DONE]` last. Each holds what is new. */
  events(id: string, label: string, tokens: number, interval: number): readonly string[];
}

/** Ids of the fake's vocabulary, so that nobody who checks finds fault. */
const VOCABULARY = 256;
const VARIANTS = 8;

export function createReplies(seed: number): PreparedReplies {
  const random = seededRandom(seed);
  const known = new Map<string, readonly (readonly Template[])[]>();
  let asked = 0;

  const made = (tokens: number, interval: number): readonly Template[] => {
    const key = `${tokens}/${interval}`;
    let variants = known.get(key);
    if (variants === undefined) {
      variants = Array.from({ length: VARIANTS }, () => {
        const ids = Array.from({ length: tokens }, () => random.u32() % VOCABULARY);
        return templates(ids, () => Math.fround(-5 * random.next()), interval);
      });
      known.set(key, variants);
    }
    return variants[asked++ % VARIANTS] as readonly Template[];
  };
  const filled = ([first, second, rest]: Template, id: string, label: string): string =>
    `${first}${JSON.stringify(id)}${second}${JSON.stringify(label)}${rest}`;

  return {
    whole: (id, label, tokens) => filled(made(tokens, tokens)[0] as Template, id, label),
    events: (id, label, tokens, interval) => [
      ...made(tokens, interval).map((template) => `data: ${filled(template, id, label)}\n\n`),
      "data: [DONE]\n\n",
    ],
  };
}

/** One a chunk; a single one where all tokens fit the interval. */
function templates(
  ids: readonly number[],
  logprob: () => number,
  interval: number,
): readonly Template[] {
  const chunks: Template[] = [];
  for (let start = 0, end = 0; start < ids.length; start = end) {
    end =
      interval >= ids.length
        ? ids.length
        : Math.min(ids.length, start + (start === 0 ? 1 : interval));
    const some = ids.slice(start, end);
    const pairs = some.map((id) => `[${logprob()},${id},null]`).join(",");
    const last = end === ids.length;
    const finish = last ? `{"type":"length","length":${end}}` : "null";
    const spans = `"weight_versions":[{"version":`;
    const told =
      `"num_retractions":0,"output_token_logprobs":[${pairs}],"output_token_logprobs_length":${some.length},` +
      `"reasoning_tokens":0,"completion_tokens":${end},"cached_tokens":0`;
    chunks.push([
      `{"text":"","output_ids":[${some.join(",")}],"meta_info":{"id":`,
      `,"finish_reason":${finish},"prompt_tokens":1000,${told},${last ? spans : '"weight_version":'}`,
      last ? `,"start":0,"end":${end}}],"dp_rank":null,"e2e_latency":0.125}}` : "}}",
    ]);
  }
  return chunks;
}
