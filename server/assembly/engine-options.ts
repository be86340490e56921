/** From the settings to what an adapter is created with. */
import { readFileSync } from "node:fs";
import type { EngineOptions } from "../../adapters/engine.ts";
import type { ReadPacing } from "../../adapters/read-pacing.ts";
import type { Config } from "../config.ts";
import { PacelineError } from "../contract/errors.ts";
import type { EngineKind } from "../contract/worker.ts";

/** Reads the key of control calls, if one is named: throws `invalid_argument` where it cannot. */
export function engineOptions(
  kind: EngineKind,
  { engine_facts: told }: Pick<Config, "engine_facts">,
  pacing: ReadPacing,
): EngineOptions {
  if (kind !== "trtllm" && kind !== "dynamo") return { pacing };
  const facts = told[kind];
  if (facts.controlKeyFile === undefined) return { pacing, facts };
  return { pacing, facts, controlKey: keyOf(facts.controlKeyFile, kind) };
}

function keyOf(file: string, kind: string): string {
  const path = `engine_facts.${kind}.control_key_file`;
  let key: string;
  try {
    key = readFileSync(file, "utf8").trim();
  } catch (thrown) {
    const { message } = PacelineError.from(thrown);
    throw new PacelineError("invalid_argument", `${path}: ${message}`, { details: { path } });
  }
  if (key !== "") return key;
  throw new PacelineError("invalid_argument", `${path}: ${file} is empty`, { details: { path } });
}
