/**
 * What is left of a rollout that has ended: its Result or error, the log that late readers are told from, and when
 * what happened. Its prompt, its output's bookkeeping and its way over the fleet are gone: 100,000 may be kept, and what
 * is kept is what garbage collection costs.
 */
import type { PacelineError } from "../contract/errors.ts";
import type { Result } from "../contract/result.ts";
import type { EventLog } from "./event-log.ts";
import type { RolloutHandle, RolloutProgress, RolloutTimeline } from "./service.ts";

export type Ending = { readonly result: Result } | { readonly error: PacelineError };

/** What a life hands over at its end. */
export interface Remains {
  readonly key: string;
  readonly bodyHash: string;
  readonly progress: RolloutProgress;
  readonly ended: Ending;
  readonly log: EventLog;
  readonly timeline: RolloutTimeline;
}

export class FinishedRollout implements RolloutHandle {
  readonly key: string;
  readonly bodyHash: string;
  readonly ended: Ending;
  readonly #progress: RolloutProgress;
  readonly #log: EventLog;
  readonly #timeline: RolloutTimeline;

  constructor({ key, bodyHash, progress, ended, log, timeline }: Remains) {
    this.key = key;
    this.bodyHash = bodyHash;
    this.ended = ended;
    this.#progress = progress;
    this.#log = log;
    this.#timeline = timeline;
  }

  get id(): string {
    return this.#progress.id;
  }

  get job(): string {
    return this.#progress.job;
  }

  get eventCount(): number {
    return this.#log.length;
  }

  progress(): RolloutProgress {
    return this.#progress;
  }

  moments(): RolloutTimeline {
    return this.#timeline;
  }

  async result(): Promise<Result> {
    if ("error" in this.ended) throw this.ended.error;
    return this.ended.result;
  }

  events(from: number, signal: AbortSignal): ReturnType<RolloutHandle["events"]> {
    return this.#log.read(from, signal);
  }

  /** Nothing ends by its readers' leaving any more. */
  attach(): () => void {
    return () => {};
  }
}
