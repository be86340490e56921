/** From what an SGLang server says went wrong to one of our errors. */
import { type ErrorCode, PacelineError } from "../../server/contract/errors.ts";
import { shown } from "../http/shown.ts";

/** Of refusals with 400, by what they say; any other 400 is an argument that this server does not take. */
const REFUSALS: readonly (readonly [RegExp, ErrorCode])[] = [
  [/duplicate request id/i, "conflict"],
  [/LoRA with name .* does not exist|LoRA adapters are not loaded/, "version_unavailable"],
  [/context length|exceeds the maximum allowed length|longer than/i, "prompt_too_long"],
];

const EXCERPT = 300;

/** A reply with a status that is not 2xx. */
export function errorFromReply(status: number, text: string): PacelineError {
  let body: unknown = null;
  try {
    body = JSON.parse(text);
  } catch {
    // Not JSON: a proxy's page, or a server that broke; the excerpt says.
  }
  return errorFrom(status, messageOf(body) ?? text.slice(0, EXCERPT));
}

/** An `error` object within a reply of 200. */
export function errorFromBody(error: unknown): PacelineError {
  const status = (error as { code?: unknown } | null)?.code;
  const message = messageOf({ error }) ?? shown(error);
  return errorFrom(typeof status === "number" ? status : 500, message);
}

/** A status that the engine gave with what it said. Only what it refuses (400) is the request's fault. */
export function errorFrom(status: number, message: string): PacelineError {
  const details = { status, engine: message.slice(0, EXCERPT) };
  if (status === 400 || status === 422) {
    const code = REFUSALS.find(([words]) => words.test(message))?.[1] ?? "invalid_argument";
    return new PacelineError(code, `SGLang refuses: ${message}`, { details });
  }
  if (status === 401 || status === 403) {
    const why = `SGLang refuses the key that it was shown, or wants one (${status}): api_key, admin_api_key of the registration or engine_facts.sglang`;
    return new PacelineError("engine_error", why, { details });
  }
  return new PacelineError("engine_error", `SGLang answered ${status}: ${message}`, { details });
}

/**
 * `{"error": {"message"}}`, `{"error": "…"}`, `{"object": "error", "message"}` and `{"error_message"}` are all to be had.
 */
function messageOf(body: unknown): string | null {
  if (typeof body !== "object" || body === null) return null;
  const { error, message, error_message: told } = body as Readonly<Record<string, unknown>>;
  if (typeof error === "string") return error;
  if (typeof told === "string") return told;
  if (typeof message === "string") return message;
  const inner = (error as { message?: unknown } | null | undefined)?.message;
  return typeof inner === "string" ? inner : null;
}
