/** From what `trtllm-serve` says went wrong to one of our errors. */
import { PacelineError } from "../../server/contract/errors.ts";
import { shown } from "../http/shown.ts";

/** `{"object":"error","message","type","param","code"}`, flat; FastAPI's own is `{"detail": …}`. */
export function errorFromReply(status: number, text: string): PacelineError {
  const message = messageOf(text);
  if (message === null) {
    return new PacelineError("engine_error", `TensorRT-LLM answered ${status}`, {
      details: { status, excerpt: text.slice(0, 200) },
    });
  }
  const code =
    status === 400 || status === 422
      ? /max_(input|seq)_len|exceeds/.test(message)
        ? "prompt_too_long"
        : "invalid_argument"
      : "engine_error";
  return new PacelineError(code, `TensorRT-LLM: ${message}`, { details: { status } });
}

function messageOf(text: string): string | null {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return null;
  }
  const { message, detail } = (body ?? {}) as { message?: unknown; detail?: unknown };
  if (typeof message === "string") return message;
  if (typeof detail === "string") return detail;
  return detail === undefined ? null : shown(detail);
}
