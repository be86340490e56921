/** The `nvext` object of a reply, with exactly the fields that were asked for; ids and logprobs of one payload. */
import type { Result } from "../../../contract/result.ts";
import { floatsText, idsText } from "../../codec/number-arrays.ts";
import { promptLogprobsText } from "../vllm/generate-reply.ts";
import type { Asked } from "./asked.ts";
import type { NvextField } from "./nvext.ts";

/** A member with its comma; empty where nothing was asked for. */
export function nvextText(
  { nvext, rollouts: [rollout] }: Asked,
  result: Result | undefined,
): string {
  if (nvext.fields.size === 0 || rollout === undefined || result === undefined) return "";
  const { outputTokenIds, logprobs, finishReason, routing } = result;
  const completion = idsText(outputTokenIds, "json");
  const prompt = idsText(rollout.promptTokenIds, "json");
  const { queueMs, prefillMs, decodeMs } = routing;
  const times = {
    queue_ms: queueMs,
    ttft_ms: queueMs + prefillMs,
    total_time_ms: queueMs + prefillMs + decodeMs,
  };
  const written: Readonly<Record<NvextField, () => string>> = {
    completion_token_ids: () => completion,
    prompt_token_ids: () => prompt,
    prompt_logprobs: () => promptLogprobsText(rollout, result, null),
    stop_reason: () => JSON.stringify(finishReason.matched),
    engine_data: () =>
      `{"prompt_token_ids":${prompt},"completion_token_ids":${completion},"completion_logprobs":${floatsText(logprobs, "json")}}`,
    timing: () => JSON.stringify(times),
  };
  const members = [...nvext.fields].map((field) => `"${field}":${written[field]()}`);
  return `,"nvext":{${members}}`;
}
