/** From a name to its dialect. Data only: a new one is one line here, and one in `DIALECT_NAMES`. */
import { PacelineError } from "../../contract/errors.ts";
import type { Dialect, DialectName } from "./dialect.ts";
import { openai } from "./openai/dialect.ts";
import { sglang } from "./sglang/dialect.ts";
import { vllm } from "./vllm/dialect.ts";

const DIALECTS: Readonly<Record<DialectName, Dialect | null>> = {
  sglang,
  vllm,
  openai,
};

/** Throws `unimplemented` for one that this release does not speak. */
export function dialectOf(name: DialectName): Dialect {
  const dialect = DIALECTS[name];
  if (dialect !== null) return dialect;
  throw new PacelineError("unimplemented", `this release does not speak ${name}`, {
    details: { path: "dialects" },
  });
}
