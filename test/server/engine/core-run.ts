/** Runs a core to its end and gathers what each request got. */
import assert from "node:assert/strict";
import type { ErrorBody } from "../../../server/contract/errors.ts";
import type { FinishReason } from "../../../server/contract/rollout.ts";
import type { SideChunk } from "../../../server/contract/side-data.ts";
import type { Core, CoreEvent, CoreRequest, CoreSampling } from "../../../server/engine/core.ts";

export const SAMPLING: CoreSampling = {
  maxNewTokens: 16,
  minNewTokens: 0,
  temperature: 1,
  topP: 1,
  topK: 0,
  minP: 0,
  presencePenalty: 0,
  frequencyPenalty: 0,
  repetitionPenalty: 1,
  stopTokenIds: [],
  ignoreEos: true,
  seed: 1,
  logitBias: [],
  allowedTokenIds: [],
  badWords: [],
};

export function coreRequest(
  id: string,
  prompt: readonly number[],
  {
    sampling,
    ...more
  }: Partial<Omit<CoreRequest, "sampling">> & { sampling?: Partial<CoreSampling> } = {},
): CoreRequest {
  return {
    id,
    promptTokenIds: Uint32Array.from(prompt),
    outputTokenIds: new Uint32Array(0),
    siblingIndex: 0,
    logprobMode: "processed",
    cacheNamespace: "policy@1#1",
    cacheCarried: false,
    priority: 0,
    side: null,
    ...more,
    sampling: { ...SAMPLING, ...sampling },
  };
}

export interface Outcome {
  /** Output tokens made here, without those that came with the request. */
  ids: number[];
  logprobs: number[];
  versions: number[];
  mixed: boolean[];
  started: number;
  side: SideChunk[];
  prompt: Extract<CoreEvent, { type: "prompt" }> | null;
  cachedTokens: number | null;
  reason: FinishReason | null;
  error: ErrorBody | null;
}

/** Checks the order of events as it goes: started once and first, tokens contiguous, nothing after finished. */
export class Outcomes {
  readonly #byId = new Map<string, Outcome & { next: number | null }>();

  take(events: readonly CoreEvent[]): void {
    for (const event of events) {
      const outcome = this.#outcome(event.id);
      assert.equal(outcome.reason, null, `${event.id}: ${event.type} after finished`);
      if (event.type === "started") {
        assert.equal(outcome.ids.length, 0, "tokens before started");
        outcome.started += 1;
      } else if (event.type === "prompt") {
        assert.deepEqual([outcome.started, outcome.ids.length, outcome.prompt], [1, 0, null]);
        outcome.prompt = event;
      } else if (event.type === "tokens") {
        assert.equal(outcome.started, 1);
        assert.equal(event.ids.length, event.logprobs.length);
        if (outcome.next !== null) assert.equal(event.start, outcome.next);
        outcome.next = event.start + event.ids.length;
        outcome.ids.push(...event.ids);
        outcome.logprobs.push(...event.logprobs);
        if (event.side !== null) outcome.side.push(event.side);
        outcome.versions.push(event.version);
        outcome.mixed.push(event.mixed);
        for (const logprob of event.logprobs)
          assert.ok(Number.isFinite(logprob) && logprob <= 1e-6);
      } else if (event.type === "failed") {
        outcome.error = event.error;
      } else if (event.type === "finished") {
        outcome.reason = event.reason;
        outcome.cachedTokens = event.cachedTokens;
      }
    }
  }

  of(id: string): Outcome {
    const { next: _, ...outcome } = this.#outcome(id);
    return outcome;
  }

  #outcome(id: string): Outcome & { next: number | null } {
    const fresh = {
      ids: [],
      logprobs: [],
      versions: [],
      mixed: [],
      started: 0,
      side: [],
      prompt: null,
      cachedTokens: null,
      reason: null,
      error: null,
      next: null,
    };
    const outcome = this.#byId.get(id) ?? fresh;
    this.#byId.set(id, outcome);
    return outcome;
  }
}

/** Steps until nothing is left to do; `between` runs after each step. */
export function drain(core: Core, between: (step: number) => void = () => {}): Outcomes {
  const outcomes = new Outcomes();
  for (let step = 0; core.busy; step++) {
    assert.ok(step < 100_000, "the core does not come to an end");
    outcomes.take(core.step());
    const { kvUsedTokens, kvTotalTokens } = core.stats();
    assert.ok(kvUsedTokens <= kvTotalTokens, "the KV limit is broken");
    between(step);
  }
  return outcomes;
}

/** Stages and swaps in one go. */
export function load(
  core: Core,
  version: number,
  path: string,
  kv: "keep" | "drop" = "drop",
): void {
  core.stage({ policy: "policy", version, path });
  core.swap({ policy: "policy", version, kv });
}
