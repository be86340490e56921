/** The prompt's logprobs, from the unary reply that alone carries them: read while it comes, since it has 70 bytes a token. */

import { PacelineError } from "../../server/contract/errors.ts";
import { assertPromptLogprobs, type PromptLogprobs } from "../../server/contract/side-data.ts";
import type { EngineRequest } from "../engine.ts";
import type { MakeLift } from "../http/calls.ts";
import { shown } from "../http/shown.ts";
import { ListLift } from "../json/list-lift.ts";
import { weightsPolicyOf } from "../lora/name.ts";
import { broken } from "./errors.ts";
import { engineId, scoreId } from "./request.ts";
import { versionOf } from "./response.ts";

interface Reply {
  readonly request_id?: unknown;
  readonly choices?: readonly {
    readonly weight_versions?: readonly { version?: unknown }[] | null;
  }[];
}

type Entry = Readonly<Record<string, { readonly logprob?: unknown }>> | null;

export class ScoreReader {
  readonly #request: EngineRequest;
  readonly #start: number;
  readonly #logprobs: Float32Array;
  /** Tokens of the prompt that it has told. */
  #told = 0;

  constructor(request: EngineRequest, start: number) {
    this.#request = request;
    this.#start = start;
    this.#logprobs = new Float32Array(request.promptTokenIds.length - start);
  }

  /** What the reply is to be read through. */
  readonly lift: MakeLift = (json) =>
    new ListLift("prompt_logprobs", { json, elements: (values) => this.#take(values) });

  #take(entries: readonly unknown[]): void {
    const { promptTokenIds } = this.#request;
    for (const entry of entries) {
      const at = this.#told++;
      if (at >= promptTokenIds.length) throw ofAnother();
      if (at < this.#start) continue;
      if (at > 0) this.#logprobs[at - this.#start] = logprobOf(entry, promptTokenIds[at], at);
      else if (entry === null) this.#logprobs[0] = Number.NaN;
      else throw new PacelineError("misaligned", "a logprob for the prompt's first token");
    }
  }

  /**
   * Of the whole reply, without what was lifted. Raw, whatever the server's logprob mode: it applies to sampled tokens alone.
   * Throws `misaligned`, `engine_error`.
   */
  end(json: unknown): PromptLogprobs {
    const reply = (json ?? {}) as Reply;
    const { promptTokenIds, requestId } = this.#request;
    if (reply.request_id !== engineId(scoreId(requestId))) {
      throw broken(`an answer to ${shown(reply.request_id)}`);
    }
    if (this.#told !== promptTokenIds.length) throw ofAnother();
    const label = reply.choices?.[0]?.weight_versions?.[0]?.version;
    const version =
      typeof label === "string" ? versionOf(label, weightsPolicyOf(this.#request)) : null;
    const prompt = { start: this.#start, logprobs: this.#logprobs, version };
    assertPromptLogprobs(prompt, promptTokenIds.length);
    return prompt;
  }
}

function logprobOf(entry: unknown, token: number | undefined, at: number): number {
  const logprob = (entry as Entry)?.[String(token)]?.logprob;
  if (typeof logprob === "number") return logprob;
  throw new PacelineError("misaligned", `no logprob for the prompt's token ${at}`);
}

const ofAnother = (): PacelineError =>
  new PacelineError("misaligned", "prompt logprobs that are not of the prompt");
