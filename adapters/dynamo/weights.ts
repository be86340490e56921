/**
 * Weights of Dynamo's workers: each reads them from a directory that it sees, while it stands still, clears its prefix cache and
 * is called what we tell it. The call proves nothing of what is in memory, so the proof is `reported`. All of them hold it, or
 * nobody says that they do.
 */
import { PacelineError } from "../../server/contract/errors.ts";
import type { HeldReport } from "../../server/contract/policy.ts";
import type { EngineWeights } from "../engine.ts";
import { shown } from "../http/shown.ts";
import { labelText, parseLabel } from "../label.ts";
import type { DynamoControl } from "./control.ts";
import type { RlWorkers } from "./rl-workers.ts";

/** What a worker calls weights that nobody has named. */
const UNNAMED: ReadonlySet<unknown> = new Set(["initial", "default", "unknown"]);

export interface DynamoWeights extends EngineWeights {
  /** What they hold, as far as was heard. */
  readonly known: readonly HeldReport[];
  /** Another fleet is there. */
  reborn(): void;
}

/** `started`: what the operator says of the weights that they were started with. */
export function createWeights(
  workers: RlWorkers,
  control: DynamoControl,
  started: readonly HeldReport[],
): DynamoWeights {
  let staged: { policy: string; version: number; path: string } | null = null;
  let doubtful = false;
  let loads = 0;
  let known: readonly HeldReport[] = [];
  /** Swaps that ended well: what they said before one is old after it. */
  let swaps = 0;

  async function labels(signal: AbortSignal): Promise<readonly unknown[]> {
    const answers = await workers.all("get_weight_version", {}, signal);
    return answers.map(({ weight_version: told, version }) => told ?? version);
  }

  async function held(signal: AbortSignal): Promise<readonly HeldReport[]> {
    const asked = swaps;
    const told = await labels(signal);
    if (asked !== swaps) return known;
    const [first] = told;
    const same = told.every((label) => label === first) && !doubtful;
    const named = typeof first === "string" ? parseLabel(first) : null;
    if (named !== null) loads = Math.max(loads, named.load);
    const one = named === null ? (UNNAMED.has(first) ? started : []) : [{ ...named, digest: null }];
    known = same ? one : [];
    return known;
  }

  async function frozen(signal: AbortSignal, change: () => Promise<void>): Promise<void> {
    if (control.frozen) return change();
    await control.pause("keep", signal);
    try {
      await change();
    } finally {
      await control.resume(signal);
    }
  }

  return {
    held,
    get known() {
      return known;
    },
    reborn() {
      known = [];
      staged = null;
      doubtful = false;
      loads = 0;
    },
    async stage({ policy, version, path }, signal) {
      // That all answer, and where their loads count from: they read nothing ahead.
      await labels(signal);
      staged = { policy, version, path };
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
      const label = labelText({ policy, version, load });
      await frozen(signal, async () => {
        const body = { model_path: path, weight_version: label };
        await workers.all("update_weights_from_disk", body, signal);
        if (kv === "drop") await workers.all("flush_cache", {}, signal);
        const told = await labels(signal);
        const other = told.find((one) => one !== label);
        if (other === undefined) return;
        throw new PacelineError(
          "engine_error",
          `a worker calls its weights ${shown(other)}, not ${label}`,
        );
      });
      doubtful = false;
      staged = null;
      known = [{ policy, version, load, digest: null }];
      swaps++;
      return { digest: null, load };
    },
    discard({ policy, version }) {
      if (staged?.policy === policy && staged.version === version) staged = null;
      return Promise.resolve();
    },
  };
}
