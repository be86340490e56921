/** One job in memory: what is stored of it, what it has running, and how its rollouts ended. */
import type { PacelineError } from "../contract/errors.ts";
import { DEFAULT_JOB, DEFAULT_POLICY, type JobSettings } from "../contract/job.ts";
import type { Result } from "../contract/result.ts";
import type { Rollout } from "../contract/rollout.ts";
import { LIMITS } from "../limits.ts";
import type { Distance, Summary, Tally } from "../rollouts/summary.ts";
import type { Made } from "../scheduler/bound/bound.ts";
import type { JobRow, StoredJob } from "./job-rows.ts";
import { StalenessBound } from "./staleness.ts";

export type Ending = { readonly result: Result } | { readonly error: PacelineError };

export class Job {
  readonly name: string;
  /** `null`: never declared, and its trainer never reported. */
  stored: StoredJob | null;
  inFlight = 0;
  finished = 0;
  aborted = 0;
  failed = 0;
  outputTokens = 0;
  /** Largest of a token in Results since the trainer's last report. */
  lag: number | null = null;
  bound: StalenessBound | null = null;
  /** Of the stretch since no rollout was in flight; `null` for a job that was not declared when it began. */
  tally: Tally | null = null;
  /** Of the last such stretch that has ended. */
  stretch: Distance = { ratio: null, boundError: null, rho: null, tailShare: null };

  constructor(name: string, stored: StoredJob | null) {
    this.name = name;
    this.stored = stored;
    this.bind();
  }

  get declared(): boolean {
    return (this.stored?.row.settings ?? null) !== null;
  }

  get settings(): JobSettings {
    return this.stored?.row.settings ?? DEFAULT_JOB;
  }

  get trainer(): JobRow["trainer"] {
    return this.stored?.row.trainer ?? null;
  }

  /** Whose versions its trainer counts. */
  get policy(): string {
    return this.settings.policy ?? DEFAULT_POLICY;
  }

  /** What is to be stored of it now. */
  row(): JobRow {
    const { settings = null, trainer = null } = this.stored?.row ?? {};
    return { job: this.name, settings, trainer, staleness: this.bound?.count() ?? null };
  }

  /**
   * `before`: output tokens that it had when it entered; null: it rested. `current`: the version that the trainer holds, else
   * the committed one. Answers as `leaves`.
   */
  ended(ending: Ending, before: number | null, current: number | null): Summary | null {
    if (before !== null && "result" in ending) this.tally?.finished(ending.result, before);
    else if (before !== null) this.tally?.failed();
    const summary = before === null ? null : this.leaves();
    if ("error" in ending) {
      this.failed++;
      return summary;
    }
    const { finishReason, usage, spans } = ending.result;
    if (finishReason.type === "abort") this.aborted++;
    else this.finished++;
    this.outputTokens += usage.outputTokens;
    if (current === null) return summary;
    for (const { version } of spans) this.lag = Math.max(this.lag ?? 0, current - version);
    return summary;
  }

  /** Answers as `leaves`. */
  rests(made: Made): Summary | null {
    this.tally?.kept(made);
    return this.leaves();
  }

  /** Answers the summary of a stretch that ends with it. */
  leaves(): Summary | null {
    this.inFlight--;
    if (this.inFlight > 0 || this.tally === null) return null;
    const summary = this.tally.close();
    this.stretch = summary;
    this.tally = null;
    return summary;
  }

  /** Makes the staleness bound what the settings say. */
  bind(): void {
    const { eta, batchGroups } = this.settings;
    if (eta === null || batchGroups === null) {
      this.bound?.release();
      this.bound = null;
    } else if (this.bound === null) {
      const count = this.stored?.row.staleness ?? undefined;
      this.bound = new StalenessBound({ eta, batchGroups }, LIMITS.groupsRemembered, count);
    } else {
      this.bound.change({ eta, batchGroups });
    }
  }
}

/** What the staleness bound counts as one. Names hold no slash. */
export function groupKey({ group, session, id }: Rollout): string {
  if (group !== null) return `group/${group.id}`;
  return session === null ? `rollout/${id}` : `session/${session.id}`;
}
