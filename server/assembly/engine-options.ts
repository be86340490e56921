/** From the settings, and from what a registration brought, to what an adapter is created with. */
import { readFileSync } from "node:fs";
import type { EngineKeys, EngineOptions } from "../../adapters/engine.ts";
import type { ReadPacing } from "../../adapters/read-pacing.ts";
import type { Config } from "../config.ts";
import { PacelineError } from "../contract/errors.ts";
import type { EngineKind } from "../contract/worker.ts";

/**
 * Reads the keys that are named, once. Those of a registration go before those of the configuration. Throws
 * `invalid_argument` where a file cannot be read.
 */
export function engineOptions(
  kind: EngineKind,
  { engine_facts: told }: Pick<Config, "engine_facts">,
  pacing: ReadPacing,
  given: () => EngineKeys,
): EngineOptions {
  if (kind === "sglang") {
    const { apiKeyFile, adminApiKeyFile } = told.sglang;
    const api = apiKeyFile && keyOf(apiKeyFile, `${kind}.api_key_file`);
    const admin = adminApiKeyFile && keyOf(adminApiKeyFile, `${kind}.admin_api_key_file`);
    return {
      pacing,
      keys: () => ({ api: given().api ?? api, admin: given().admin ?? admin }),
    };
  }
  if (kind !== "trtllm" && kind !== "dynamo") return { pacing };
  const facts = told[kind];
  if (facts.controlKeyFile === undefined) return { pacing, facts };
  return { pacing, facts, controlKey: keyOf(facts.controlKeyFile, `${kind}.control_key_file`) };
}

function keyOf(file: string, setting: string): string {
  const path = `engine_facts.${setting}`;
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
