import { PacelineError } from "../../server/contract/errors.ts";

export const broken = (what: string, cause?: unknown): PacelineError =>
  new PacelineError("engine_error", `the engine's routed experts: ${what}`, { cause });
