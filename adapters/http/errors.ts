/** From what a socket or a caller's signal says went wrong to one of our errors. */
import { PacelineError } from "../../server/contract/errors.ts";

/** `engine_unreachable`: the socket is lost or cannot be had. */
export function lost(what: string): PacelineError {
  return new PacelineError("engine_unreachable", `the engine's socket: ${what}`);
}

/** What a connection that fails or breaks throws. Our own want of descriptors is no fault of the engine's. */
export function errorFromSocket(error: Error): PacelineError {
  if (error instanceof PacelineError) return error;
  const code = "code" in error && typeof error.code === "string" ? error.code : error.name;
  if (code === "EMFILE" || code === "ENFILE") {
    return new PacelineError("overloaded", `no file descriptor left for a socket: ${code}`, {
      details: { code, remedy: "raise `ulimit -n`: two for each rollout at once" },
      retryAfterMs: 1_000,
      cause: error,
    });
  }
  return new PacelineError("engine_unreachable", `the engine's socket: ${code}`, {
    details: { code },
    cause: error,
  });
}
