/**
 * LoRA adapters of a server with `--enable-lora`. Requests choose one by `lora_path`, which is its name. A name that is
 * taken is refused, so each version has a name of its own.
 */
import { PacelineError } from "../../server/contract/errors.ts";
import type { HeldReport } from "../../server/contract/policy.ts";
import type { EngineAdapters } from "../engine.ts";
import { shown } from "../http/shown.ts";
import type { InUse } from "../lora/in-use.ts";
import { adapterName, parseAdapterName } from "../lora/name.ts";
import type { Client } from "./client.ts";

const LOAD = "/load_lora_adapter";
const UNLOAD = "/unload_lora_adapter";
/** No adapter of ours has such a name. */
const NONE = "paceline-probe";

export function createAdapters({ calls }: Client, inUse: InUse): EngineAdapters {
  async function remove(name: string, signal: AbortSignal): Promise<void> {
    try {
      await calls.text({ method: "POST", path: UNLOAD, body: { lora_name: name } }, signal);
    } catch (thrown) {
      if (!isUnknown(thrown)) throw thrown;
    }
  }

  async function read(name: string, path: string, signal: AbortSignal): Promise<void> {
    const body = { lora_name: name, lora_path: path };
    let answer: unknown;
    try {
      answer = await calls.json({ method: "POST", path: LOAD, body }, signal);
    } catch (thrown) {
      const error = PacelineError.from(thrown);
      if (error.code !== "invalid_argument") throw error;
      throw new PacelineError("weights_rejected", error.message, { cause: error });
    }
    const { success, error_message: why } = (answer ?? {}) as Readonly<Record<string, unknown>>;
    if (success === true) return;
    throw new PacelineError("weights_rejected", `SGLang refuses ${name}: ${shown(why)}`);
  }

  return {
    async load({ path, ...version }, signal) {
      const name = adapterName(version);
      await remove(name, signal);
      await read(name, path, signal);
    },
    async unload(version, signal) {
      const name = adapterName(version);
      // It would wait by itself, and hold up the call.
      await inUse.idle(name, signal);
      await remove(name, signal);
    },
  };
}

/** What `/v1/models` lists below its own model. */
export async function heldAdapters(
  { calls }: Client,
  signal: AbortSignal,
): Promise<readonly HeldReport[]> {
  const answer = await calls.json({ method: "GET", path: "/v1/models" }, signal);
  const { data } = (answer ?? {}) as { data?: unknown };
  if (!Array.isArray(data)) throw new PacelineError("engine_error", "/v1/models lists nothing");
  return data.flatMap(({ id, parent }: { id?: unknown; parent?: unknown }) => {
    const named = typeof id === "string" && parent != null ? parseAdapterName(id) : null;
    return named === null ? [] : [{ ...named, load: 0, digest: null }];
  });
}

/** Whether it takes adapters: a server that does says of one that it does not have that it has it not. */
export async function takesAdapters({ calls }: Client, signal: AbortSignal): Promise<boolean> {
  try {
    await calls.text({ method: "POST", path: UNLOAD, body: { lora_name: NONE } }, signal);
  } catch (thrown) {
    if (PacelineError.from(thrown).code === "engine_unreachable") throw thrown;
    return isUnknown(thrown);
  }
  throw new PacelineError("engine_error", `SGLang had an adapter ${NONE}`);
}

const isUnknown = (thrown: unknown): boolean =>
  PacelineError.from(thrown).code === "version_unavailable";
