/**
 * LoRA adapters of a server with `--enable-lora` and `VLLM_ALLOW_RUNTIME_LORA_UPDATING`. Requests choose one by `model`.
 * A name whose content changes keeps the KV that was cached under it, so each version has a name of its own.
 */
import { PacelineError } from "../../server/contract/errors.ts";
import type { HeldReport } from "../../server/contract/policy.ts";
import type { EngineAdapters } from "../engine.ts";
import { InUse } from "../lora/in-use.ts";
import { adapterName, parseAdapterName } from "../lora/name.ts";
import type { Client } from "./client.ts";
import { mostLikely } from "./request.ts";

const LOAD = "/v1/load_lora_adapter";
const UNLOAD = "/v1/unload_lora_adapter";

/** Nothing lies there, and no adapter of ours has such a name. */
const NONE = { lora_name: "paceline-probe", lora_path: "/nonexistent/paceline-probe" };

export interface VllmAdapters extends EngineAdapters {
  readonly inUse: InUse;
  held(signal: AbortSignal): Promise<readonly HeldReport[]>;
}

/** `masks`: whether it refuses what is greedy. */
export function createAdapters(client: Client, masks: () => boolean): VllmAdapters {
  const inUse = new InUse();

  async function names(signal: AbortSignal): Promise<readonly string[]> {
    const answer = await client.call({ method: "GET", path: "/v1/models" }, signal);
    const { data } = (answer ?? {}) as { data?: unknown };
    if (!Array.isArray(data)) throw new PacelineError("engine_error", "/v1/models lists nothing");
    return data.flatMap(({ id, parent }: { id?: unknown; parent?: unknown }) =>
      typeof id === "string" && parent != null ? [id] : [],
    );
  }

  async function remove(name: string, signal: AbortSignal): Promise<void> {
    const body = { lora_name: name };
    try {
      await client.text({ method: "POST", path: UNLOAD, body }, signal);
    } catch (thrown) {
      // Gone already: what was wanted.
      if (statusOf(thrown) !== 404) throw thrown;
    }
  }

  /**
   * Makes a token under it. That it was read says not that it can be computed with, nor that whoever answers next knows of it;
   * one that stands still cannot be asked.
   */
  async function use(name: string, signal: AbortSignal): Promise<void> {
    const answer = await client.call({ method: "GET", path: "/is_paused" }, signal);
    if ((answer as { is_paused?: unknown } | null)?.is_paused === true) return;
    const body = {
      model: name,
      token_ids: [0],
      sampling_params: { max_tokens: 1, detokenize: false, ...mostLikely(masks()) },
      cache_salt: "probe",
    };
    await client.call({ method: "POST", path: "/inference/v1/generate", body }, signal);
  }

  return {
    inUse,
    async held(signal) {
      const named = (await names(signal)).flatMap((name) => parseAdapterName(name) ?? []);
      return named.map((one) => ({ ...one, load: 0, digest: null }));
    },
    async load({ path, ...version }, signal) {
      const name = adapterName(version);
      if ((await names(signal)).includes(name)) await remove(name, signal);
      const body = { lora_name: name, lora_path: path };
      await rejected(() => client.text({ method: "POST", path: LOAD, body }, signal));
      try {
        await rejected(() => use(name, signal));
      } catch (thrown) {
        // Nobody is told that it is there, so nobody else would remove it.
        const { code, message, details } = PacelineError.from(thrown);
        const left = await remove(name, signal).then(
          () => "",
          (also: unknown) => `; nor could it be removed: ${PacelineError.from(also).message}`,
        );
        throw new PacelineError(code, message + left, { details, cause: thrown });
      }
    },
    async unload(version, signal) {
      const name = adapterName(version);
      await inUse.idle(name, signal);
      await remove(name, signal);
    },
  };
}

/** Whether it reads adapters: that there is none at a path that does not exist only such a server can say. */
export async function takesAdapters(client: Client, signal: AbortSignal): Promise<boolean> {
  try {
    await client.text({ method: "POST", path: LOAD, body: NONE }, signal);
  } catch (thrown) {
    if (PacelineError.from(thrown).code === "engine_unreachable") throw thrown;
    return statusOf(thrown) === 404 && /adapter/i.test(PacelineError.from(thrown).message);
  }
  throw new PacelineError("engine_error", `vLLM read an adapter from ${NONE.lora_path}`);
}

/** Throws `weights_rejected` where vLLM says no, which does not end it. */
async function rejected(call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (thrown) {
    const error = PacelineError.from(thrown);
    if (!isRefusal(error)) throw error;
    throw new PacelineError("weights_rejected", error.message, { cause: error });
  }
}

/** One that does not fit is a 500 too, which does the server no harm; a dead engine's 500 says so. */
function isRefusal(error: PacelineError): boolean {
  const status = statusOf(error);
  if (status === 500) return !error.message.includes("EngineCore");
  return status === 400 || status === 404 || status === 422;
}

const statusOf = (thrown: unknown): unknown => PacelineError.from(thrown).details["status"];
