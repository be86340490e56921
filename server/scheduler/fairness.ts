/**
 * Weighted fair shares between jobs: start-time fair queueing over tokens. A job has one account per
 * pool; each grant charges it context + forecast, each end corrects that to what was really made. The
 * backlogged job with the least charge per weight goes first.
 */
import type { Stand } from "./line.ts";
import { Level } from "./prediction/level.ts";

export class Job {
  readonly name: string;
  weight = 1;
  /** Attempts at once. */
  maxRunning = Number.POSITIVE_INFINITY;
  waiting = 0;
  running = 0;
  /** How long its rollouts are. */
  readonly level = new Level();
  readonly accounts = new Map<string, Account>();

  constructor(name: string) {
    this.name = name;
  }

  /** It has all that it may have: none of its cards is next in any line. */
  get full(): boolean {
    return this.running >= this.maxRunning;
  }

  /** Somebody set what is not the default, and will not do so again when it comes back. */
  get settled(): boolean {
    return this.weight !== 1 || this.maxRunning !== Number.POSITIVE_INFINITY;
  }

  account(pool: string): Account {
    let account = this.accounts.get(pool);
    if (account === undefined) {
      account = new Account(this);
      this.accounts.set(pool, account);
    }
    return account;
  }
}

export class Account {
  readonly job: Job;
  /** Tokens served per unit of weight. */
  virtual = 0;
  /** Where the job stands in lines now. */
  readonly stands = new Set<Stand>();

  constructor(job: Job) {
    this.job = job;
  }

  /** A negative correction gives back what was charged too much. */
  charge(tokens: number): void {
    this.virtual += tokens / this.job.weight;
    for (const stand of this.stands) stand.line.moved(stand);
  }

  /** Call when the job has become full, or is so no more. */
  filled(): void {
    for (const stand of this.stands) stand.line.filled(stand);
  }

  /** A job that was idle has no claim to the past: it starts level with the others. */
  level(virtual: number): void {
    if (this.stands.size === 0) this.virtual = Math.max(this.virtual, virtual);
  }
}

export class Jobs {
  readonly #jobs = new Map<string, Job>();
  readonly #idleLimit: number;

  constructor(idleLimit: number) {
    this.#idleLimit = idleLimit;
  }

  get(name: string): Job {
    let job = this.#jobs.get(name);
    if (job === undefined) {
      this.#forgetIdle();
      job = new Job(name);
      this.#jobs.set(name, job);
    }
    return job;
  }

  all(): Iterable<Job> {
    return this.#jobs.values();
  }

  /** Every so often, so that it costs O(1) a job. What was set by a `job` event stays: such jobs are declared, and bounded. */
  #forgetIdle(): void {
    if (this.#jobs.size < 2 * this.#idleLimit) return;
    let idle = 0;
    for (const job of this.#jobs.values()) if (forgettable(job)) idle++;
    for (const [name, job] of this.#jobs) {
      if (idle <= this.#idleLimit) return;
      if (!forgettable(job)) continue;
      this.#jobs.delete(name);
      idle--;
    }
  }
}

const forgettable = (job: Job): boolean => job.waiting + job.running === 0 && !job.settled;
