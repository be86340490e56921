/** From what vLLM says went wrong to one of our errors. */
import { PacelineError } from "../../server/contract/errors.ts";

/** A reply with a status outside 2xx: `{"error": {message, type, param, code}}`, or `{"detail": …}` of older servers. */
export function errorFromReply(status: number, text: string): PacelineError {
  let body: unknown = null;
  try {
    body = JSON.parse(text);
  } catch {
    // Not JSON: some other server answers there; the excerpt says.
  }
  const { message, param } = told(body);
  const details = { status, ...(param === null ? {} : { param }) };
  if (message !== null) return worded(status, `vLLM: ${message}`, details);
  return new PacelineError("engine_error", `vLLM answered ${status}`, {
    details: { ...details, excerpt: text.slice(0, 200) },
  });
}

/** A request that vLLM refuses is at fault wherever it goes; anything else may be better elsewhere. */
function worded(status: unknown, message: string, details: Record<string, unknown>): PacelineError {
  // Every request names what it runs under, if that is an adapter; the route itself is there.
  if (status === 404 && message.includes("does not exist"))
    return new PacelineError("version_unavailable", message, { details });
  if (status !== 400 && status !== 422)
    return new PacelineError("engine_error", message, { details });
  const long = message.includes("longer than the maximum model length");
  return new PacelineError(long ? "prompt_too_long" : "invalid_argument", message, { details });
}

/** An error inside a reply of status 200: a stream has begun before vLLM looks at its prompt. */
export function errorInStream(error: unknown): PacelineError {
  const { message, param } = told({ error });
  const { code } = (error ?? {}) as { code?: unknown };
  return worded(code, `vLLM, amid its reply: ${message ?? "an error"}`, { status: code, param });
}

export const broken = (what: string): PacelineError =>
  new PacelineError("engine_error", `vLLM broke its protocol: ${what}`);

function told(body: unknown): { message: string | null; param: string | null } {
  const { error, detail } = (body ?? {}) as { error?: unknown; detail?: unknown };
  if (typeof detail === "string") return { message: detail, param: null };
  if (typeof error === "string") return { message: error, param: null };
  const { message, param } = (error ?? {}) as { message?: unknown; param?: unknown };
  return {
    message: typeof message === "string" ? message : null,
    param: typeof param === "string" ? param : null,
  };
}
