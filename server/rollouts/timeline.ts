/** When what happened to one rollout: the times of its Result, and the moments that `?timeline=1` shows. */
import type { Result } from "../contract/result.ts";
import { LIMITS } from "../limits.ts";
import type { Moment, RolloutEvent, RolloutTimeline } from "./service.ts";

type Marked = Exclude<RolloutEvent, { type: "tokens" | "accepted" }>;

/** Milliseconds spent where, and how often it moved. */
export class Timeline {
  readonly #acceptedAt: number;
  readonly #acceptedWall: number;
  #placedAt: number | null = null;
  #firstTokenAt: number | null = null;
  #cachedTokens = 0;
  #wasted = 0;
  #attempts = 0;
  #moves = 0;
  #worker: string | null = null;
  #moments: Moment[] = [];
  #dropped = 0;

  constructor(acceptedAt: number, acceptedWall: number) {
    this.#acceptedAt = acceptedAt;
    this.#acceptedWall = acceptedWall;
  }

  get attempts(): number {
    return this.#attempts;
  }

  get wastedTokens(): number {
    return this.#wasted;
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
    if (this.#firstTokenAt !== null) return;
    this.#firstTokenAt = now;
    this.#mark(now, { event: "first_token", worker: this.#worker }, 0);
  }

  wasted(tokens: number): void {
    this.#wasted += tokens;
  }

  /** What its log says, all but tokens. */
  note(event: Marked, now: number, outputTokens: number): void {
    this.#mark(now, momentOf(event), outputTokens);
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

  show(): RolloutTimeline {
    return {
      acceptedAtMs: this.#acceptedWall,
      // One that is pushed to has room that nobody needs any more.
      moments: this.#moments.slice(),
      dropped: this.#dropped,
    };
  }

  #mark(
    now: number,
    { event, worker = null, version = null, attempt = null, reason = null }: Mark,
    outputTokens: number,
  ): void {
    if (this.#moments.length >= LIMITS.timelineMoments) {
      this.#dropped++;
      return;
    }
    const atMs = now - this.#acceptedAt;
    this.#moments.push({ atMs, event, outputTokens, worker, version, attempt, reason });
  }
}

type Mark = Pick<Moment, "event"> &
  Partial<Pick<Moment, "worker" | "version" | "attempt" | "reason">>;

function momentOf(event: Marked): Mark {
  switch (event.type) {
    case "placed": {
      const { worker, version, attempt } = event;
      return { event: "placed", worker, version, attempt };
    }
    case "moved":
      return { event: "moved", worker: event.to, reason: event.reason };
    case "held":
      return { event: "held", reason: event.reason };
    case "finished": {
      const { finishReason, routing } = event.result;
      return { event: "finished", worker: routing.worker, reason: finishReason.cause };
    }
    case "error":
      return { event: "error", reason: event.error.code };
  }
}
