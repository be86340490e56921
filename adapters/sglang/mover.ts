/**
 * SGLang's own calls for weights that a trainer moves itself, passed on as they came but for two fields: the name is
 * ours, as its tokens must name a version that we know, and nothing is flushed, as paused in place it cannot be and
 * what is cached lies under the old version's namespace anyway.
 */

import { PacelineError } from "../../server/contract/errors.ts";
import type { EngineWeights } from "../engine.ts";
import { shown } from "../http/shown.ts";
import { type Label, labelText } from "../label.ts";
import type { Client } from "./client.ts";
import type { EngineState } from "./facts.ts";

type Move = NonNullable<EngineWeights["move"]>;

const NAMED: ReadonlySet<Parameters<Move>[0]> = new Set([
  "update_weights_from_distributed",
  "update_weights_from_tensor",
  "update_weights_from_ipc",
]);

export function createMove({ calls }: Pick<Client, "calls">, state: EngineState): Move {
  /** Of the version that is being moved: its buckets are one load. */
  let moving: Label | null = null;

  const labelOf = ({ policy, version }: Pick<Label, "policy" | "version">): Label => {
    if (moving?.policy === policy && moving.version === version) return moving;
    moving = { policy, version, load: ++state.loads };
    return moving;
  };

  return async (call, body, target, signal) => {
    const label = target !== null && NAMED.has(call) ? labelOf(target) : null;
    const named =
      label === null
        ? {}
        : { weight_version: labelText(label), flush_cache: false, abort_all_requests: false };
    // Half of it may be in place from here on.
    if (label !== null) state.label = null;
    let answer: unknown;
    try {
      answer = await calls.json(
        { method: "POST", path: `/${call}`, body: { ...body, ...named } },
        signal,
      );
    } catch (thrown) {
      const error = PacelineError.from(thrown);
      if (error.code !== "invalid_argument") throw error;
      throw new PacelineError("weights_rejected", error.message, { cause: error });
    }
    const { success, message } = (answer ?? {}) as { success?: unknown; message?: unknown };
    if (success === false) {
      throw new PacelineError("weights_rejected", `SGLang refuses ${call}: ${shown(message)}`);
    }
    if (label !== null) state.label = label;
  };
}
