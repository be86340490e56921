/** The prompt's logprobs, from the unary reply that alone carries them. */

import { PacelineError } from "../../server/contract/errors.ts";
import { assertPromptLogprobs, type PromptLogprobs } from "../../server/contract/side-data.ts";
import type { EngineRequest } from "../engine.ts";
import { shown } from "../http/shown.ts";
import { weightsPolicyOf } from "../lora/name.ts";
import { broken } from "./errors.ts";
import { engineId, scoreId } from "./request.ts";
import { versionOf } from "./response.ts";

interface Reply {
  readonly request_id?: unknown;
  readonly prompt_logprobs?: unknown;
  readonly choices?: readonly {
    readonly weight_versions?: readonly { version?: unknown }[] | null;
  }[];
}

/** Raw, whatever the server's logprob mode: it applies to sampled tokens alone. Throws `misaligned`, `engine_error`. */
export function promptLogprobsOf(
  json: unknown,
  request: EngineRequest,
  start: number,
): PromptLogprobs {
  const reply = (json ?? {}) as Reply;
  const { promptTokenIds, requestId } = request;
  if (reply.request_id !== engineId(scoreId(requestId))) {
    throw broken(`an answer to ${shown(reply.request_id)}`);
  }
  const told = reply.prompt_logprobs;
  if (!Array.isArray(told) || told.length !== promptTokenIds.length) {
    throw new PacelineError("misaligned", "prompt logprobs that are not of the prompt");
  }
  const logprobs = new Float32Array(promptTokenIds.length - start);
  for (let i = 0; i < logprobs.length; i++) {
    const at = start + i;
    if (at === 0) {
      if (told[0] !== null)
        throw new PacelineError("misaligned", "a logprob for the prompt's first token");
      logprobs[0] = Number.NaN;
      continue;
    }
    const entry = (told[at] as Record<string, { logprob?: unknown }> | null)?.[
      String(promptTokenIds[at])
    ];
    if (typeof entry?.logprob !== "number") {
      throw new PacelineError("misaligned", `no logprob for the prompt's token ${at}`);
    }
    logprobs[i] = entry.logprob;
  }
  const label = reply.choices?.[0]?.weight_versions?.[0]?.version;
  const version = typeof label === "string" ? versionOf(label, weightsPolicyOf(request)) : null;
  const prompt = { start, logprobs, version };
  assertPromptLogprobs(prompt, promptTokenIds.length);
  return prompt;
}
