/** From what an engine says went wrong to one of our errors. */
import { ERRORS, type ErrorCode, PacelineError } from "../../server/contract/errors.ts";
import { shown } from "../http/shown.ts";

/** An error body of the engine's. What it calls a defect of its own is an engine's error to us. */
export function errorFromBody(body: unknown): PacelineError {
  if (typeof body !== "object" || body === null) return unreadable(body);
  const { code, message, details } = body as Record<string, unknown>;
  if (typeof code !== "string" || !Object.hasOwn(ERRORS, code) || typeof message !== "string") {
    return unreadable(body);
  }
  const known = code === "internal" ? "engine_error" : (code as ErrorCode);
  return new PacelineError(known, message, {
    details: typeof details === "object" && details !== null ? { ...details } : {},
  });
}

/** A reply with a status that is not 200. */
export function errorFromReply(status: number, text: string): PacelineError {
  let body: unknown = null;
  try {
    body = JSON.parse(text);
  } catch {
    // Not JSON: some other server answers there, or the engine broke; the excerpt says.
  }
  if (typeof body === "object" && body !== null && "error" in body)
    return errorFromBody(body.error);
  return new PacelineError("engine_error", `the engine answered ${status}`, {
    details: { status, excerpt: text.slice(0, 200) },
  });
}

function unreadable(body: unknown): PacelineError {
  return new PacelineError("engine_error", "the engine told an error that is none of ours", {
    details: { excerpt: shown(body) },
  });
}
