/**
 * Weights from a checkpoint's directory, which the engine must see under the same path. SGLang loads in place and
 * cannot read beside what serves; it shows no digest of what it was given. So what is said of it is: the label that we
 * gave it, which only a load that succeeded sets, and a checksum of its memory, or the caller's canary.
 */

import { PacelineError } from "../../server/contract/errors.ts";
import type { HeldReport } from "../../server/contract/policy.ts";
import type { EngineControl, EngineWeights } from "../engine.ts";
import { shown } from "../http/shown.ts";
import { type Label, labelText, parseLabel } from "../label.ts";
import { createAdapters, heldAdapters } from "./adapters.ts";
import { readChecksum } from "./checksum.ts";
import type { Client } from "./client.ts";
import type { EngineState } from "./facts.ts";

/** Paths that are remembered between `stage` and `swap`; the oldest go first. */
const STAGED_MOST = 16;

const keyOf = ({ policy, version }: { policy: string; version: number }): string =>
  `${policy}@${version}`;

export function createWeights(
  client: Client,
  control: EngineControl,
  state: EngineState,
): EngineWeights {
  const { calls } = client;
  const staged = new Map<string, string>();

  /** `kv: "drop"`: nothing that runs keeps its KV, and no cached prefix stays. */
  async function load(path: string, label: Label, kv: "keep" | "drop", signal: AbortSignal) {
    if (kv === "drop") {
      await control.pause("retract", signal);
      await control.flush(signal);
    }
    const body = {
      model_path: path,
      weight_version: labelText(label),
      // What is cached lies under the old version's namespace, where nobody looks any more; in place nothing can be flushed.
      flush_cache: kv === "drop",
      abort_all_requests: false,
    };
    state.label = null;
    const answer = await calls.json(
      { method: "POST", path: "/update_weights_from_disk", body },
      signal,
    );
    const { success, message } = (answer ?? {}) as { success?: unknown; message?: unknown };
    if (success !== true) throw rejected(path, shown(message));
    await verify(label, signal);
    state.label = label;
  }

  async function verify(label: Label, signal: AbortSignal): Promise<void> {
    const held = await labelOf(signal);
    if (held === labelText(label)) return;
    throw new PacelineError(
      "engine_error",
      `SGLang calls its weights ${shown(held)} after it was told ${labelText(label)}`,
    );
  }

  async function labelOf(signal: AbortSignal): Promise<string> {
    const info = await calls.json({ method: "GET", path: "/model_info" }, signal);
    const { weight_version: label } = (info ?? {}) as { weight_version?: unknown };
    if (typeof label === "string") return label;
    throw new PacelineError("engine_error", "/model_info tells no weight_version");
  }

  return {
    stage(source, signal) {
      signal.throwIfAborted();
      staged.set(keyOf(source), source.path);
      for (const oldest of staged.keys()) {
        if (staged.size <= STAGED_MOST) break;
        staged.delete(oldest);
      }
      return Promise.resolve({ digest: null });
    },
    async swap(target, signal) {
      const path = staged.get(keyOf(target));
      if (path === undefined) {
        throw new PacelineError("version_conflict", `${keyOf(target)} is not staged here`);
      }
      const { policy, version, kv } = target;
      const label = { policy, version, load: ++state.loads };
      // Running, it would wait until every request has ended of itself.
      const running = !state.paused;
      if (running) await control.pause("keep", signal);
      try {
        await load(path, label, kv, signal);
      } catch (thrown) {
        const error = PacelineError.from(thrown);
        throw error.code === "invalid_argument" ? rejected(path, error.message) : error;
      } finally {
        if (running) await control.resume(signal);
      }
      staged.delete(keyOf(target));
      return { digest: null, load: label.load };
    },
    discard(target) {
      staged.delete(keyOf(target));
      return Promise.resolve();
    },
    checksum(signal) {
      if (state.facts?.checksums === true) return readChecksum(client, state.facts.build, signal);
      throw new PacelineError("unsupported", "this SGLang server shows no checksum of its weights");
    },
    async held(signal) {
      state.label = parseLabel(await labelOf(signal));
      return heldBy(client, state, signal);
    },
    adapters: createAdapters(client, state.inUse),
  };
}

/** As it calls its weights when we last heard, and the adapters that it lists. */
export async function heldBy(
  client: Client,
  { label, facts }: EngineState,
  signal: AbortSignal,
): Promise<readonly HeldReport[]> {
  if (label === null) return [];
  const beside = (facts?.adapters ?? 0) > 0 ? await heldAdapters(client, signal) : [];
  return [{ ...label, digest: null }, ...beside];
}

const rejected = (path: string, why: string): PacelineError =>
  new PacelineError("weights_rejected", `SGLang cannot load ${path}: ${why}`, {
    details: { path },
  });
