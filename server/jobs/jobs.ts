/**
 * All jobs of this server: their settings and trainers' reports (durable), their load, their quotas and
 * their staleness bounds. A job that was never declared works with the defaults.
 */
import type { Clock } from "../contract/clock.ts";
import { PacelineError } from "../contract/errors.ts";
import {
  DEFAULT_JOB,
  DEFAULT_POLICY,
  type JobSettings,
  type TrainerReport,
} from "../contract/job.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { LIMITS } from "../limits.ts";
import type { Ledger } from "../policy/ledger.ts";
import type { JobsPort } from "../rollouts/jobs-port.ts";
import { createTally, type Distance, type Summary } from "../rollouts/summary.ts";
import type { Made } from "../scheduler/bound/bound.ts";
import type { SchedulerSnapshot } from "../scheduler/events.ts";
import type { Store } from "../store/store.ts";
import { groupKey, Job } from "./job.ts";
import { type JobRow, loadJobs, writeJob } from "./job-rows.ts";
import { distanceOf, type JobView, viewOf } from "./job-view.ts";
import { assertReport, assertSettings } from "./settings-check.ts";

export interface Jobs extends JobsPort {
  /** By name: declared, reported for by a trainer, or with rollouts now or lately. */
  list(): readonly JobView[];
  /** Throws `not_found`. */
  get(job: string): JobView;
  /** Of declared jobs that have run: T/LB and its kin of the stretch under way, else of the last. */
  distances(): readonly ({ readonly job: string } & Distance)[];
  /** What applies to its rollouts that say nothing. */
  settings(job: string): JobSettings;
  /** The whole of the settings. Throws `invalid_argument`, `not_found`, `overloaded`, `store_unavailable`. */
  declare(job: string, settings: JobSettings): Promise<JobView>;
  /** Throws `invalid_argument`, `not_found`, `overloaded`, `store_unavailable`. */
  report(job: string, report: TrainerReport): Promise<JobView>;
}

export interface JobsParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly fleet: Pick<Fleet, "list" | "listen">;
  readonly ledger: Pick<Ledger, "policy" | "policies" | "listen">;
  readonly scheduled: () => SchedulerSnapshot["jobs"];
  /** Told of each declared job's settings, at the start and at every change. */
  readonly applied: (job: string, settings: JobSettings) => void;
  /** What rollouts in flight have made, by job. */
  readonly made: () => ReadonlyMap<string, readonly Made[]>;
  /** Told of a declared job's stretch that has ended. */
  readonly summarised: (job: string, summary: Summary) => void;
  /** Told when what the staleness bound has counted could not be stored. */
  readonly failed: (error: PacelineError) => void;
}

/** Rollouts end within seconds to minutes: whoever comes back sooner only comes in vain. */
const RETRY_MS = 1_000;

/** Loads what the store holds. Throws `store_unavailable`. */
export async function createJobs(parts: JobsParts): Promise<Jobs> {
  const { store, clock, fleet, ledger, scheduled, applied } = parts;
  const jobs = new Map<string, Job>();
  /** Neither stored nor busy, the longest idle first. */
  const idle = new Set<Job>();
  /** The last write of each job: one after the other. */
  const turns = new Map<Job, Promise<unknown>>();
  /** Jobs whose count waits for its turn to be written. */
  const saving = new Set<Job>();

  for (const found of await loadJobs(store)) {
    const job = new Job(found.row.job, found);
    jobs.set(job.name, job);
    if (job.declared) applied(job.name, job.settings);
  }
  ledger.listen((change) => {
    if (change.type === "version" || change.type === "holds") return;
    const { policy } = change.type === "run" ? change.run : change.policy;
    for (const job of jobs.values()) {
      if (job.policy !== policy || job.bound === null) continue;
      if (change.type === "policy") job.bound.committed(change.policy.committedVersion);
      else {
        // Its steps are counted from anew, wherever they begin.
        job.bound.restart();
        save(job);
      }
    }
  });

  const committedOf = ({ policy: name }: Job): number | null =>
    ledger.policies().find(({ policy }) => policy === name)?.committedVersion ?? null;

  const view = (job: Job, snapshot = scheduled(), made = parts.made()): JobView =>
    viewOf(job, snapshot, committedOf(job), distanceOf(job, made));

  const summarise = (job: Job, summary: Summary | null): void => {
    if (summary !== null) parts.summarised(job.name, summary);
  };

  function jobOf(name: string): Job {
    const known = jobs.get(name);
    if (known) return known;
    const job = new Job(name, null);
    jobs.set(name, job);
    return job;
  }

  function rest(job: Job): void {
    if (job.inFlight > 0 || job.stored !== null) return;
    idle.add(job);
    const [oldest] = idle;
    if (idle.size <= LIMITS.idleJobs || oldest === undefined) return;
    idle.delete(oldest);
    jobs.delete(oldest.name);
  }

  function inTurn<T>(job: Job, step: () => Promise<T>): Promise<T> {
    const turn = (turns.get(job) ?? Promise.resolve()).then(step, step);
    turns.set(job, turn);
    const leave = (): void => {
      if (turns.get(job) === turn) turns.delete(job);
    };
    turn.then(leave, leave);
    return turn;
  }

  /** Durable when it resolves. */
  async function write(job: Job, change: Partial<JobRow>): Promise<void> {
    const kept = [...jobs.values()].filter(({ stored }) => stored !== null).length;
    if (job.stored === null && kept >= LIMITS.jobs) {
      throw new PacelineError("overloaded", `there are ${kept} jobs already`);
    }
    const row = { ...job.row(), ...change };
    job.stored = await writeJob(store, row, job.stored?.revision ?? 0);
    idle.delete(job);
  }

  /** Writes what the bound has counted, a little later: the end of a rollout waits for no disk. */
  function save(job: Job): void {
    if (saving.has(job)) return;
    saving.add(job);
    inTurn(job, async () => {
      saving.delete(job);
      await write(job, {});
    }).catch((thrown: unknown) => parts.failed(PacelineError.from(thrown)));
  }

  return {
    list() {
      const snapshot = scheduled();
      const sorted = [...jobs.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
      const made = parts.made();
      return sorted.map((job) => view(job, snapshot, made));
    },
    distances() {
      const made = parts.made();
      return [...jobs.values()].flatMap((job) =>
        job.declared ? [{ job: job.name, ...distanceOf(job, made) }] : [],
      );
    },
    get(name) {
      const job = jobs.get(name);
      if (job) return view(job);
      throw new PacelineError(
        "not_found",
        `no job is called ${name}: none was declared or has run`,
        {
          details: { job: name },
        },
      );
    },
    settings: (name) => jobs.get(name)?.settings ?? DEFAULT_JOB,
    async declare(name, settings) {
      assertSettings(settings);
      if (settings.policy !== null) ledger.policy(settings.policy);
      const job = jobOf(name);
      rest(job);
      return inTurn(job, async () => {
        await write(job, { settings });
        job.bind();
        applied(name, settings);
        return view(job);
      });
    },
    async report(name, report) {
      const policy = jobs.get(name)?.policy ?? DEFAULT_POLICY;
      assertReport(report, ledger.policy(policy));
      const job = jobOf(name);
      rest(job);
      return inTurn(job, async () => {
        await write(job, { trainer: { ...report, reportedAt: clock.wall() } });
        job.lag = null;
        if (job.bound !== null) {
          job.bound.report(report, committedOf(job));
          save(job);
        }
        return view(job);
      });
    },
    enter(rollout) {
      const job = jobOf(rollout.job);
      const { maxInFlight } = job.settings.quota;
      if (maxInFlight !== null && job.inFlight >= maxInFlight) {
        throw new PacelineError(
          "quota_exceeded",
          `job ${job.name} has ${job.inFlight} rollouts in flight, of ${maxInFlight} that it may have`,
          {
            retryAfterMs: RETRY_MS,
            details: { job: job.name, quota: "max_in_flight", limit: maxInFlight },
          },
        );
      }
      if (job.inFlight === 0 && job.declared) job.tally = createTally(fleet, clock);
      job.tally?.asked(rollout);
      job.inFlight++;
      idle.delete(job);
    },
    refused(rollout) {
      const job = jobOf(rollout.job);
      summarise(job, job.leaves());
      rest(job);
    },
    admits(rollout, open) {
      const { bound } = jobOf(rollout.job);
      return bound === null || bound.enter(groupKey(rollout), rollout.id, open);
    },
    rests(rollout, made) {
      const job = jobOf(rollout.job);
      summarise(job, job.rests(made));
    },
    left(rollout, ending, before) {
      const job = jobOf(rollout.job);
      const held = rollout.policy === job.policy ? job.trainer?.version : undefined;
      const current = held ?? ledger.policy(rollout.policy).committedVersion;
      summarise(job, job.ended(ending, before, current));
      const { bound } = job;
      if (bound !== null) {
        const { accepted } = bound;
        const usable = "result" in ending && ending.result.finishReason.type !== "abort";
        bound.left(groupKey(rollout), rollout.id, usable);
        if (bound.accepted !== accepted) save(job);
      }
      rest(job);
    },
  };
}
