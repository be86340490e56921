/** How a command says that it failed: one line, the remedy where one is known, and an exit code. */
import { PacelineError } from "../contract/errors.ts";

/** Exit codes: 1 the work failed, 2 the command was called wrongly, 69 the server cannot be reached. */
export function reportFailure(thrown: unknown): void {
  const error = PacelineError.from(thrown);
  process.stderr.write(`paceline: ${error.code}: ${error.message}\n`);
  if (error.code === "internal" && process.env["PACELINE_LOG_LEVEL"] === "debug")
    console.error(thrown);
  process.exitCode =
    error.code === "invalid_argument" ? 2 : error.code === "engine_unreachable" ? 69 : 1;
}
