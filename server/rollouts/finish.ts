/** The end of a rollout: its times, and the one Result made of its output. */
import { createResult, type Result } from "../contract/result.ts";
import type { FinishReason, Rollout } from "../contract/rollout.ts";
import { Output } from "./output.ts";

/** Milliseconds spent where, and how often it moved. */
export class Timeline {
  readonly #acceptedAt: number;
  #placedAt: number | null = null;
  #firstTokenAt: number | null = null;
  #cachedTokens = 0;
  #wasted = 0;
  #attempts = 0;
  #moves = 0;
  #worker: string | null = null;

  constructor(acceptedAt: number) {
    this.#acceptedAt = acceptedAt;
  }

  get attempts(): number {
    return this.#attempts;
  }

  /** Answers the queue time of the first placement, later ones' included in decode. */
  placed(now: number, worker: string): number {
    this.#attempts++;
    if (this.#worker !== null && this.#worker !== worker) this.#moves++;
    this.#worker = worker;
    this.#placedAt ??= now;
    return this.#placedAt - this.#acceptedAt;
  }

  started(cachedTokens: number): void {
    this.#cachedTokens = Math.max(this.#cachedTokens, cachedTokens);
  }

  cached(cachedTokens: number): void {
    this.started(cachedTokens);
  }

  firstToken(now: number): void {
    this.#firstTokenAt ??= now;
  }

  wasted(tokens: number): void {
    this.#wasted += tokens;
  }

  get wastedTokens(): number {
    return this.#wasted;
  }

  duration(now: number): number {
    return now - this.#acceptedAt;
  }

  routing(now: number): Result["routing"] {
    const placedAt = this.#placedAt ?? now;
    const firstTokenAt = this.#firstTokenAt ?? now;
    return {
      worker: this.#worker,
      queueMs: placedAt - this.#acceptedAt,
      prefillMs: firstTokenAt - placedAt,
      decodeMs: now - firstTokenAt,
      cachedTokens: this.#cachedTokens,
      attempts: this.#attempts,
      moves: this.#moves,
    };
  }
}

/**
 * Makes the Result. Where a lag limit is broken at reply (I8), the tokens are withheld: an empty
 * Result of cause `stale`, its tokens counted as wasted.
 */
export function concludeResult(
  rollout: Rollout,
  output: Output,
  timeline: Timeline,
  reason: FinishReason,
  committed: number | null,
  now: number,
): Result {
  const stale = isStale(rollout, output, committed);
  if (stale) timeline.wasted(output.length);
  const mode = rollout.want.logprobModes[0] ?? "processed";
  const given = stale ? new Output(null, mode) : output;
  return createResult({
    id: rollout.id,
    job: rollout.job,
    policy: rollout.policy,
    group: rollout.group,
    session: rollout.session,
    outputTokenIds: given.ids,
    logprobs: given.logprobs,
    logprobMode: given.segments.at(-1)?.logprobMode ?? mode,
    finishReason: stale ? { type: "abort", cause: "stale", matched: null } : reason,
    spans: given.spans,
    segments: given.segments,
    routing: timeline.routing(now),
    usage: {
      promptTokens: rollout.promptTokenIds.length,
      outputTokens: given.length,
      wastedTokens: timeline.wastedTokens,
    },
    side: given.side === null ? null : given.side.data(),
  });
}

function isStale(rollout: Rollout, output: Output, committed: number | null): boolean {
  const constraint = rollout.version;
  if (constraint === null || !("max_lag" in constraint) || committed === null) return false;
  const oldest = Math.min(
    ...output.spans.map(({ version }) => version),
    output.side?.promptVersion ?? committed,
  );
  return committed - oldest > constraint.max_lag;
}
