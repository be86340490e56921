/** The fields that side data adds to a Result, as text and back. Number arrays are written as tokens' are. */
import type { Encoding } from "../../contract/schema.ts";
import type { WireResult } from "../../contract/schema-result.ts";
import type { PromptLogprobs, SideData } from "../../contract/side-data.ts";
import { floatsText } from "./number-arrays.ts";

/** To be put before a Result's closing brace; empty where there is none. NaN is written as `null`. */
export function sideText(side: SideData | null, encoding: Encoding): string {
  if (side === null) return "";
  return side.prompt === null ? "" : promptText(side.prompt, encoding);
}

const promptText = ({ logprobs, version }: PromptLogprobs, encoding: Encoding): string =>
  `,"prompt_logprobs":${floatsText(logprobs, encoding)},"prompt_version":${version}`;

type WireSide = Pick<WireResult, "prompt_logprobs" | "prompt_version" | "usage">;

export function sideFromWire(wire: WireSide): SideData | null {
  const { prompt_logprobs: logprobs, prompt_version: version, usage } = wire;
  if (logprobs == null) return null;
  const start = usage.prompt_tokens - logprobs.length;
  return { prompt: { start, logprobs, version: version ?? null } };
}

/** Of a Result or of the data of a stream's event: by whichever array it has. */
export function encodingOfReply(body: unknown): Encoding {
  if (typeof body !== "object" || body === null) return "json";
  const { output_token_ids: ids, prompt_logprobs: prompt } = body as Record<string, unknown>;
  return typeof ids === "string" || typeof prompt === "string" ? "b64" : "json";
}
