/**
 * Weights from a path, by `collective_rpc reload_weights`: in place, at once, without a look at what it read. The label is a
 * call of its own, told last and read back. A reload that fails leaves half of it behind while `/health` is 200, and
 * the next generation ends the server: until another reload has succeeded nothing may be generated there.
 */
import { basename, dirname } from "node:path";
import { PacelineError } from "../../server/contract/errors.ts";
import type { HeldReport } from "../../server/contract/policy.ts";
import type { EngineControl, EngineWeights } from "../engine.ts";
import { createAdapters, type VllmAdapters } from "./adapters.ts";
import type { Client } from "./client.ts";
import { resetPrefixCache } from "./control.ts";
import { labelOf, type Named, parseLabel } from "./label.ts";
import type { Preemptions } from "./preemptions.ts";

export interface VllmWeights extends EngineWeights {
  /** What is in it may be half of something. */
  readonly doubtful: boolean;
  /** Throws `version_unavailable` for a policy that it was not last known to hold. */
  assertHolds(policy: string): void;
  /** Whether a probe found that it takes adapters, and that it tells sampling masks. */
  takeAdapters(takes: boolean, masks: boolean): void;
  readonly adapters: VllmAdapters;
  /** Another process is there now. */
  reborn(): void;
}

export function createWeights(
  client: Client,
  control: EngineControl,
  preemptions: Preemptions,
): VllmWeights {
  let staged: { policy: string; version: number; path: string } | null = null;
  let doubtful = false;
  /** As its label last said. */
  let current: Named | null = null;
  /** The highest that was seen in this life: a namespace is never used for two loads. */
  let loads = 0;
  let masks = false;
  const adapters = createAdapters(client, () => masks);
  let takesAdapters = false;

  async function label(signal: AbortSignal): Promise<string> {
    const answer = await client.call({ method: "GET", path: "/weight_info" }, signal);
    const { weight_version: told } = (answer ?? {}) as { weight_version?: unknown };
    if (typeof told === "string") return told;
    throw new PacelineError("engine_error", "/weight_info tells no weight_version");
  }

  async function held(signal: AbortSignal): Promise<readonly HeldReport[]> {
    const named = parseLabel(await label(signal));
    current = named;
    if (named !== null) loads = Math.max(loads, named.load);
    if (named === null || doubtful) return [];
    const beside = takesAdapters ? await adapters.held(signal) : [];
    return [{ ...named, digest: null }, ...beside];
  }

  async function name(named: Named, signal: AbortSignal): Promise<void> {
    const wanted = labelOf(named);
    const body = { new_version: wanted };
    await client.call({ method: "POST", path: "/update_weight_version", body }, signal);
    const told = await label(signal);
    if (told === wanted) return;
    throw new PacelineError("engine_error", `it calls its weights ${told}, not ${wanted}`);
  }

  /** Runs `change` while nothing is made: between the reload and the label, tokens of the new weights would bear the old label. */
  async function frozen(signal: AbortSignal, change: () => Promise<void>): Promise<void> {
    const answer = await client.call({ method: "GET", path: "/is_paused" }, signal);
    const { is_paused: paused } = (answer ?? {}) as { is_paused?: unknown };
    await preemptions.pausing(signal);
    if (paused !== true) await control.pause("keep", signal);
    try {
      await change();
    } finally {
      if (paused !== true) await control.resume(signal);
    }
  }

  return {
    adapters,
    takeAdapters(takes, masked) {
      takesAdapters = takes;
      masks = masked;
    },
    get doubtful() {
      return doubtful;
    },
    assertHolds(policy) {
      if (!doubtful && current?.policy === policy) return;
      throw new PacelineError("version_unavailable", `this vLLM does not hold ${policy}`, {
        details: { policy, holds: current },
      });
    },
    reborn() {
      preemptions.resumed();
      current = null;
      staged = null;
      doubtful = false;
      takesAdapters = false;
      loads = 0;
    },
    async stage({ policy, version, path }, signal) {
      const folder = folderOf(path);
      // That it answers, and where its loads count from: all that can be checked of a server that reads nothing ahead.
      await held(signal);
      staged = { policy, version, path: folder };
      return { digest: null };
    },
    async swap({ policy, version, kv }, signal) {
      if (staged?.policy !== policy || staged.version !== version) {
        throw new PacelineError("version_conflict", `${policy}@${version} is not staged`);
      }
      const { path } = staged;
      doubtful = true;
      const load = loads + 1;
      loads = load;
      await frozen(signal, async () => {
        const body = { method: "reload_weights", kwargs: { weights_path: path } };
        await client.call({ method: "POST", path: "/collective_rpc", body }, signal);
        // Blocks of older loads lie in other namespaces; those of running requests go with them.
        if (kv === "drop") {
          await resetPrefixCache(client, "drop", signal);
          preemptions.dropped();
        }
        await name({ policy, version, load }, signal);
      });
      doubtful = false;
      current = { policy, version, load };
      staged = null;
      return { digest: null, load };
    },
    discard({ policy, version }) {
      if (staged?.policy === policy && staged.version === version) staged = null;
      return Promise.resolve();
    },
    held,
  };
}

/** vLLM's loader takes a folder. Throws `weights_rejected` for a file that is not the one of its folder. */
function folderOf(path: string): string {
  if (!path.endsWith(".safetensors")) return path;
  if (basename(path) === "model.safetensors") return dirname(path);
  throw new PacelineError(
    "weights_rejected",
    "vLLM loads a folder: publish the one that holds the file, or name the file model.safetensors",
  );
}
