/** From the answer to a prompt's scoring to its logprobs, each held against the token that it is of; read while it comes. */
import { PacelineError } from "../../server/contract/errors.ts";
import { assertPromptLogprobs, type PromptLogprobs } from "../../server/contract/side-data.ts";
import type { EngineRequest } from "../engine.ts";
import type { MakeLift } from "../http/calls.ts";
import { ListLift } from "../json/list-lift.ts";
import { weightsPolicyOf } from "../lora/name.ts";
import type { Facts } from "./facts.ts";
import { versionOf } from "./label.ts";

export interface Score {
  readonly prompt: PromptLogprobs;
  readonly cachedTokens: number;
}

type Meta = Readonly<Record<string, unknown>>;
type Entry = readonly [logprob: number | null, id: number] | null;

export class ScoreReader {
  readonly #request: Pick<EngineRequest, "promptTokenIds" | "policy" | "adapter">;
  readonly #vocabSize: number;
  readonly #start: number;
  readonly #logprobs: Float32Array;
  /** Position of the next that it tells. */
  #at: number;

  constructor(
    request: Pick<EngineRequest, "promptTokenIds" | "policy" | "adapter">,
    { vocabSize }: Pick<Facts, "vocabSize">,
    start: number,
  ) {
    this.#request = request;
    this.#vocabSize = vocabSize;
    this.#start = start;
    this.#logprobs = new Float32Array(request.promptTokenIds.length - start);
    // It begins with one that has no logprob: the prompt's first, or the one before those that are asked for.
    this.#at = Math.max(0, start - 1);
  }

  /** What the reply is to be read through. */
  readonly lift: MakeLift = (json) =>
    new ListLift("input_token_logprobs", { json, elements: (values) => this.#take(values) });

  #take(entries: readonly unknown[]): void {
    for (const entry of entries as readonly Entry[]) {
      const at = this.#at++;
      if (at < this.#start) continue;
      const token = this.#request.promptTokenIds[at];
      // It calls the vocabulary's last id 0 here (seen on 0.5.23), and means it.
      const named = entry?.[1] === 0 && token === this.#vocabSize - 1 ? token : entry?.[1];
      if (token === undefined || named !== token) {
        throw new PacelineError("misaligned", `logprobs of another prompt, at token ${at}`);
      }
      this.#logprobs[at - this.#start] = entry?.[0] ?? Number.NaN;
    }
  }

  /** Of the whole reply, without what was lifted. Throws `engine_error` or `misaligned`. */
  end(reply: unknown): Score {
    const { promptTokenIds } = this.#request;
    const meta = ((reply as { meta_info?: unknown } | null)?.meta_info ?? {}) as Meta;
    const { cached_tokens: cachedTokens, weight_versions: spans } = meta;
    if (this.#at !== promptTokenIds.length) {
      throw new PacelineError("misaligned", `a prompt whose logprobs end at token ${this.#at}`);
    }
    const label = Array.isArray(spans) ? spans.at(-1)?.version : undefined;
    const policy = weightsPolicyOf(this.#request);
    const version = typeof label === "string" ? versionOf(label, policy) : null;
    const prompt = { start: this.#start, logprobs: this.#logprobs, version };
    assertPromptLogprobs(prompt, promptTokenIds.length);
    return { prompt, cachedTokens: Number.isInteger(cachedTokens) ? (cachedTokens as number) : 0 };
  }
}
