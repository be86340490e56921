/**
 * Replies of `POST /inference/v1/generate`, written by hand around the arrays. Compact, as the renderers' client needs
 * it. Each logprob entry names its token both ways: `token_id` (vLLM since 0.2x) and `token: "token_id:N"` (before, and
 * what the renderers' client asks for).
 */
import type { Result } from "../../../contract/result.ts";
import type { Rollout } from "../../../contract/rollout.ts";
import type { RoutedExperts } from "../../../contract/routed-experts.ts";
import type { TopLogprobs } from "../../../contract/side-data.ts";
import { assertAligned, type TokenChunk } from "../../../contract/tokens.ts";
import { idsText, shortDouble } from "../../codec/number-arrays.ts";
import type { ExpertsShown } from "../dialect.ts";
import { type Fill, inParts, MARK, textOrMark } from "../marked-body.ts";
import type { GenerateAsked } from "./generate-request.ts";
import type { VersionNames } from "./version-names.ts";

export interface Shaped {
  readonly asked: GenerateAsked;
  readonly names: VersionNames;
  /** Seconds since the Unix epoch. */
  readonly created: number;
}

/** The body of a unary reply; what belongs in its marks is put behind `fills`. */
export function encodeGenerated(
  { asked, names, created }: Shaped,
  results: readonly Result[],
  fills: Fill[],
): string {
  const [prompt] = asked.rollouts;
  const head = {
    output_mode: "tokens",
    request_id: asked.requestId,
    model: asked.model,
    created,
    usage: usageOf(results),
  };
  const scores = asked.promptLogprobs ? promptLogprobsText(prompt, results[0], fills) : "null";
  const choices = results.map((result, index) => choiceText(asked, names, result, index, fills));
  const ids =
    asked.returnPrompt && prompt !== undefined ? idsText(prompt.promptTokenIds, "json") : "null";
  return `${JSON.stringify(head).slice(0, -1)},"prompt_logprobs":${scores},"prompt_token_ids":${ids},"kv_transfer_params":null,"choices":[${choices.join(",")}]}`;
}

function choiceText(
  { logprobs, experts }: GenerateAsked,
  names: VersionNames,
  result: Result,
  index: number,
  fills: Fill[],
): string {
  const { outputTokenIds: ids, logprobs: values, side } = result;
  assertAligned(ids, values);
  const top = side?.top ?? null;
  const made = logprobs === null ? "null" : logprobsText(ids, values, logprobs, top, fills);
  const told = expertsText(experts, side?.experts ?? null);
  if (experts !== null && side?.experts) fills.push(side.experts);
  return `{"index":${index},${endText(result)},"token_ids":${idsText(ids, "json")},"logprobs":${made},"routed_experts":${told},"sampling_mask":null,"weight_versions":${spansText(names, result)}}`;
}

/** `data` first: the renderers' client cuts it out of the text behind the literal `"routed_experts":{"data":"`. */
function expertsText(form: ExpertsShown | null, experts: RoutedExperts | null): string {
  if (form === null || experts === null) return "null";
  if (form === "npy") return `"${MARK}"`;
  const { shape, firstPosition: start, dtype } = experts;
  return `{"data":"${MARK}",${JSON.stringify({ shape, start, dtype }).slice(1)}`;
}

export function endText({ finishReason: { type, cause, matched } }: Result): string {
  // vLLM names what matched, an end-of-sequence id excepted.
  const stop = cause === "stop_id" || cause === "stop_string" ? matched : null;
  return `"finish_reason":"${type}","stop_reason":${JSON.stringify(stop)}`;
}

/** Half-open over output tokens, under the trainer's names. Two versions stay apart even under one name. */
export function spansText(names: VersionNames, { spans, policy }: Result): string {
  const merged: { version: number; name: string; start: number; end: number }[] = [];
  for (const span of spans) {
    const last = merged.at(-1);
    if (last?.version === span.version) last.end = span.end;
    else {
      const { version, start, end } = span;
      merged.push({ version, name: names.of(policy, span), start, end });
    }
  }
  return JSON.stringify(merged.map(({ name, start, end }) => ({ version: name, start, end })));
}

/** `{"content": […]}`: an entry for each token, and beside it its `width` alternatives, the sampled one first. */
function logprobsText(
  ids: Uint32Array,
  logprobs: Float32Array,
  width: number,
  top: TopLogprobs | null,
  fills: Fill[] | null,
): string {
  const entries = ids.length + (top?.ids.length ?? 0);
  const parts = (): Iterable<string> => inParts(ids.length, entry);
  return `{"content":[${textOrMark(entries, parts, fills)}]}`;

  function entry(at: number): string {
    const id = ids[at] as number;
    const own = entryText(id, logprobs[at] as number);
    const others = top === null ? "" : alternativesText(top, at, id, width - 1);
    // The sampled one is its own first alternative, even where none is asked for.
    return `${own},"top_logprobs":[${own}}${others}]}`;
  }
}

function alternativesText(
  { offsets, ids, logprobs }: TopLogprobs,
  row: number,
  own: number,
  most: number,
): string {
  let text = "";
  let written = 0;
  for (let at = offsets[row] as number; at < (offsets[row + 1] as number) && written < most; at++) {
    if (ids[at] === own) continue;
    text += `,${entryText(ids[at] as number, logprobs[at] as number)}}`;
    written++;
  }
  return text;
}

/** Without its closing brace. */
const entryText = (id: number, logprob: number): string =>
  `{"token":"token_id:${id}","token_id":${id},"logprob":${shortDouble(logprob)}`;

/** One map a prompt token, the token itself its first and only entry; null for the first, which nothing comes before. */
export function promptLogprobsText(
  rollout: Rollout | undefined,
  result: Result | undefined,
  fills: Fill[] | null,
): string {
  const given = result?.side?.prompt;
  if (given == null || rollout === undefined) return "null";
  const { promptTokenIds: ids } = rollout;
  const entry = (at: number): string => {
    if (at === 0) return "null";
    const logprob = shortDouble(given.logprobs[at - given.start] as number);
    return `{"${ids[at]}":{"logprob":${logprob},"rank":null,"decoded_token":null}}`;
  };
  return `[${textOrMark(ids.length, () => inParts(ids.length, entry), fills)}]`;
}

export function usageOf(results: readonly Result[]) {
  const [first] = results;
  const prompt = first?.usage.promptTokens ?? 0;
  const completion = results.reduce((sum, { usage }) => sum + usage.outputTokens, 0);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: first?.routing.cachedTokens ?? 0 },
  };
}

/** Chunks of a stream; the prompt's ids in the first alone, versions in each choice's last. */
export class GenerateChunks {
  readonly #shaped: Shaped;
  #first = true;
  #tokens = 0;

  constructor(shaped: Shaped) {
    this.#shaped = shaped;
  }

  tokens(index: number, { ids, logprobs }: TokenChunk): string {
    const { asked } = this.#shaped;
    this.#tokens += ids.length;
    const entries =
      asked.logprobs === null ? "null" : logprobsText(ids, logprobs, asked.logprobs, null, null);
    return this.#chunk(
      `{"index":${index},"finish_reason":null,"stop_reason":null,"token_ids":${idsText(ids, "json")},"logprobs":${entries},"routed_experts":null,"sampling_mask":null,"weight_versions":null}`,
    );
  }

  finished(index: number, result: Result): string {
    const { names, asked } = this.#shaped;
    const experts = expertsText(asked.experts, result.side?.experts ?? null);
    return this.#chunk(
      `{"index":${index},${endText(result)},"token_ids":[],"logprobs":null,"routed_experts":${experts},"sampling_mask":null,"weight_versions":${spansText(names, result)}}`,
    );
  }

  end(results: readonly Result[]): string {
    const { asked } = this.#shaped;
    const last = asked.usage === "none" ? "" : this.#data("", JSON.stringify(usageOf(results)));
    return `${last}data: [DONE]\n\n`;
  }

  #chunk(choice: string): string {
    const { asked } = this.#shaped;
    const prompt = asked.rollouts[0]?.promptTokenIds.length ?? 0;
    const total = prompt + this.#tokens;
    const usage =
      asked.usage === "each"
        ? `{"prompt_tokens":${prompt},"completion_tokens":${this.#tokens},"total_tokens":${total}}`
        : "null";
    return this.#data(choice, usage);
  }

  #data(choice: string, usage: string): string {
    const { asked, created } = this.#shaped;
    const [rollout] = asked.rollouts;
    const ids =
      this.#first && asked.returnPrompt && rollout !== undefined
        ? `,"prompt_token_ids":${idsText(rollout.promptTokenIds, "json")}`
        : "";
    this.#first = false;
    const head = JSON.stringify({
      output_mode: "tokens",
      request_id: asked.requestId,
      model: asked.model,
      created,
    });
    return `data: ${head.slice(0, -1)},"usage":${usage}${ids},"choices":[${choice}]}\n\n`;
  }
}
