/**
 * Replies of `/v1/completions` and `/v1/chat/completions`, unary and streamed, with the token fields that were asked for:
 * vLLM's `token_ids` and `prompt_token_ids`, NeMo Gym's three in the message, Dynamo's in `nvext`. Beside them each choice
 * says under which of the trainer's versions it was made.
 */
import type { Result } from "../../../contract/result.ts";
import type { Rollout } from "../../../contract/rollout.ts";
import { assertAligned, type TokenChunk } from "../../../contract/tokens.ts";
import { floatsText, idsText } from "../../codec/number-arrays.ts";
import { endText, promptLogprobsText, spansText } from "../vllm/generate-reply.ts";
import type { VersionNames } from "../vllm/version-names.ts";
import type { Asked } from "./asked.ts";
import { nvextText } from "./nvext-reply.ts";
import { outputText, TextDeltas } from "./output-text.ts";
import { chatLogprobs, completionLogprobs, type LogprobRun } from "./token-logprobs.ts";

export function encodeReply(asked: Asked, names: VersionNames, results: readonly Result[]): string {
  const choices = results.map((result, index) => choiceText(asked, names, result, index));
  const head = headOf(asked, asked.kind === "chat" ? "chat.completion" : "text_completion");
  const usage = JSON.stringify(usageOf(asked, results));
  return `${head},"choices":[${choices}],"usage":${usage}${promptIds(asked)}${nvextText(asked, results[0])}}`;
}

function headOf({ id, created, model }: Asked, object: string): string {
  const head = { id, object, created, model, system_fingerprint: null, service_tier: null };
  return JSON.stringify(head).slice(0, -1);
}

/** In a chat, which has one prompt, beside the choices. */
function promptIds({ kind, returnTokenIds, rollouts }: Asked): string {
  if (kind !== "chat" || !returnTokenIds || rollouts[0] === undefined) return "";
  return `,"prompt_token_ids":${idsText(rollouts[0].promptTokenIds, "json")}`;
}

function choiceText(asked: Asked, names: VersionNames, result: Result, index: number): string {
  const { outputTokenIds: ids, logprobs } = result;
  assertAligned(ids, logprobs);
  const rollout = asked.rollouts[index] as Rollout;
  const text = outputText(result, asked.codec, asked.text);
  const body =
    asked.kind === "chat"
      ? `"message":${messageText(asked, rollout, result, text)},"logprobs":${logprobsOf(asked, result)}`
      : completionText(asked, rollout, result, text);
  const tokens = asked.returnTokenIds ? `,"token_ids":${idsText(ids, "json")}` : "";
  return `{"index":${index},${body},${endText(result)}${tokens},"weight_versions":${spansText(names, result)}}`;
}

function logprobsOf(asked: Asked, { outputTokenIds: ids, logprobs, side }: Result): string {
  if (asked.logprobs === null) return "null";
  return chatLogprobs(asked, asked.logprobs, { ids, logprobs, top: side?.top ?? null });
}

/** NeMo Gym's fields are there where it asks for logprobs with tokens as ids, as NeMo RL's servers have it. */
function messageText(
  asked: Asked,
  { promptTokenIds }: Rollout,
  result: Result,
  text: string,
): string {
  const { outputTokenIds: ids, logprobs } = result;
  const head = JSON.stringify({ role: "assistant", content: text, refusal: null });
  if (asked.logprobs === null || !asked.tokensAsIds) return head;
  return `${head.slice(0, -1)},"prompt_token_ids":${idsText(promptTokenIds, "json")},"generation_token_ids":${idsText(ids, "json")},"generation_log_probs":${floatsText(logprobs, "json")}}`;
}

function completionText(asked: Asked, rollout: Rollout, result: Result, text: string): string {
  const { promptTokenIds } = rollout;
  const before =
    asked.echo && asked.codec !== null ? asked.codec.decodeAll([...promptTokenIds]) : "";
  const { outputTokenIds: ids, logprobs, side } = result;
  const own: LogprobRun = { ids, logprobs, top: side?.top ?? null };
  const prompt = side?.prompt ?? null;
  const runs =
    asked.echo && prompt !== null
      ? [{ ids: promptTokenIds, logprobs: prompt.logprobs, top: null }, own]
      : [own];
  const entries =
    asked.logprobs === null ? "null" : completionLogprobs(asked, asked.logprobs, runs);
  const scores = asked.promptLogprobs ? promptLogprobsText(rollout, result, null) : "null";
  const given = asked.returnTokenIds ? idsText(promptTokenIds, "json") : "null";
  return `"text":${JSON.stringify(before + text)},"logprobs":${entries},"prompt_logprobs":${scores},"prompt_token_ids":${given}`;
}

/** Each prompt counts once, however many siblings it has. */
function usageOf({ rollouts }: Asked, results: readonly Result[]) {
  const prompts = new Map(
    rollouts.map(({ group, id, promptTokenIds }) => [group?.id ?? id, promptTokenIds.length]),
  );
  const prompt = [...prompts.values()].reduce((sum, length) => sum + length, 0);
  const completion = results.reduce((sum, { usage }) => sum + usage.outputTokens, 0);
  const cached = results.reduce((most, { routing }) => Math.max(most, routing.cachedTokens), 0);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: cached },
  };
}

/** Chunks of a stream: a chat's first has its role and the prompt's ids, each choice's last what ended it. */
export class ReplyChunks {
  readonly #asked: Asked;
  readonly #names: VersionNames;
  readonly #texts: TextDeltas[];
  readonly #begun = new Set<number>();

  constructor(asked: Asked, names: VersionNames) {
    this.#asked = asked;
    this.#names = names;
    this.#texts = asked.rollouts.map(
      ({ sampling }) => new TextDeltas(asked.codec, asked.text, sampling.stop),
    );
  }

  tokens(index: number, { ids, logprobs }: TokenChunk): string {
    const text = this.#texts[index]?.add(ids) ?? "";
    return this.#chunk(index, text, { ids, logprobs, top: null }, '"finish_reason":null');
  }

  finished(index: number, result: Result): string {
    const text = this.#texts[index]?.rest(result) ?? "";
    const versions = `,"weight_versions":${spansText(this.#names, result)}`;
    const extra = nvextText(this.#asked, result);
    return this.#chunk(index, text, null, endText(result) + versions, extra);
  }

  end(results: readonly Result[]): string {
    const { usage } = this.#asked;
    const last =
      usage === "none"
        ? ""
        : `data: ${this.#head()},"choices":[],"usage":${JSON.stringify(usageOf(this.#asked, results))}}\n\n`;
    return `${last}data: [DONE]\n\n`;
  }

  #head(): string {
    return headOf(
      this.#asked,
      this.#asked.kind === "chat" ? "chat.completion.chunk" : "text_completion",
    );
  }

  #chunk(index: number, text: string, run: LogprobRun | null, end: string, extra = ""): string {
    const asked = this.#asked;
    const first = !this.#begun.has(index);
    this.#begun.add(index);
    const chat = asked.kind === "chat";
    const ids = asked.returnTokenIds
      ? `,"token_ids":${run === null ? "[]" : idsText(Uint32Array.from(run.ids), "json")}`
      : "";
    const role = first && chat ? { role: "assistant" } : {};
    const body = chat
      ? `"delta":${JSON.stringify({ ...role, content: text })}`
      : `"text":${JSON.stringify(text)}${first ? this.#promptOf(index) : ""}`;
    const choice = `{"index":${index},${body},"logprobs":${this.#logprobs(run)},${end}${ids}}`;
    return `data: ${this.#head()},"choices":[${choice}],"usage":null${first ? promptIds(asked) : ""}${extra}}\n\n`;
  }

  #promptOf(index: number): string {
    const rollout = this.#asked.rollouts[index];
    if (!this.#asked.returnTokenIds || rollout === undefined) return "";
    return `,"prompt_token_ids":${idsText(rollout.promptTokenIds, "json")}`;
  }

  #logprobs(run: LogprobRun | null): string {
    const asked = this.#asked;
    if (asked.logprobs === null || run === null) return "null";
    return asked.kind === "chat"
      ? chatLogprobs(asked, 0, run)
      : completionLogprobs(asked, 0, [run]);
  }
}
