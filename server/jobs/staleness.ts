/**
 * The staleness bound of one job, in groups:
 *
 *     running + accepted ≤ (η + v + 1)·B
 *
 *     group     rollouts of one group id; of one session where they have no group; else the rollout alone
 *     running   groups let in of which a rollout has not ended
 *     accepted  groups of which all have ended and at least one as `stop` or `length`, less those that the trainer rejected
 *     B         groups of a step: the trainer's last `batch_groups`, else the settings'
 *     v         steps that the trainer has done with groups of this run: the sum of their batches is `consumed`, at
 *               most what had been accepted when it told of them, so that steps fed by others give no room
 *
 * Held to as `admitted ≤ consumed + (η + 1)·B`, the same where B never changes. A report counts once its version is committed: before that, what is
 * let in would still be made by the version before. Groups are let in in the order in which they came; what belongs to one that was let in always is.
 * A group of which nothing is usable is given back. A lower step than before is a trainer restored from a checkpoint: a new run,
 * as is one that is opened on the policy; it has consumed nothing and accepted nothing; what is running counts on.
 *
 * Why it holds: at most (η + 1)·B groups are let in and not consumed, so a trainer that takes the oldest first trains on
 * each within η steps of its letting in. Why nothing waits for ever: while something is held, either a group is running, or
 * (η + 1)·B ≥ B accepted ones wait for the trainer, which can step.
 */
import { AgeMap } from "../age-map.ts";
import type { TrainerReport } from "../contract/job.ts";

export interface StalenessTerms {
  readonly eta: number;
  readonly batchGroups: number;
}

/** What of it must survive. */
export interface StalenessCount {
  readonly step: number | null;
  readonly batchGroups: number;
  readonly consumed: number;
  /** Accepted in all, less those rejected. */
  readonly accepted: number;
  /** The trainer's own count of rejected groups when it was last heard, however many of them were ours. */
  readonly rejected: number;
}

/** A report whose version is not committed yet: what will hold then. */
interface Pending {
  readonly version: number;
  readonly batchGroups: number;
  readonly consumed: number;
}

interface Group {
  readonly key: string;
  inFlight: number;
  usable: boolean;
  /** Rollouts that wait to be let in, by key; null once it is in. */
  held: Map<string, () => void> | null;
}

export class StalenessBound {
  readonly #remembered: number;
  #terms: StalenessTerms;
  #batch: number;
  #consumed = 0;
  #accepted = 0;
  #running = 0;
  #rejected = 0;
  #step: number | null = null;
  #pending: Pending | null = null;
  /** Groups with a rollout that has not ended, let in or held. */
  readonly #open = new Map<string, Group>();
  /** Held groups in the order in which they came. */
  readonly #held = new Set<Group>();
  /** Accepted groups that a late sibling may still belong to; a forgotten one's sibling counts as a new group. */
  readonly #closed = new AgeMap<string, true>();

  /** `remembered`: accepted groups whose ids are kept. `count`: as the last server left it. */
  constructor(terms: StalenessTerms, remembered: number, count?: StalenessCount) {
    this.#remembered = remembered;
    this.#terms = terms;
    this.#batch = count?.batchGroups ?? terms.batchGroups;
    if (count === undefined) return;
    this.#step = count.step;
    this.#consumed = count.consumed;
    this.#accepted = count.accepted;
    this.#rejected = count.rejected;
  }

  get limit(): number {
    const steps = this.#terms.eta + 1;
    const now = this.#consumed + steps * this.#batch;
    const pending = this.#pending;
    // A smaller batch counts at once.
    return pending ? Math.min(now, pending.consumed + steps * pending.batchGroups) : now;
  }

  /** running + accepted. */
  get admitted(): number {
    return this.#running + this.#accepted;
  }

  get accepted(): number {
    return this.#accepted;
  }

  get heldGroups(): number {
    return this.#held.size;
  }

  get heldRollouts(): number {
    let held = 0;
    for (const group of this.#held) held += group.held?.size ?? 0;
    return held;
  }

  get waitsForVersion(): number | null {
    return this.#pending?.version ?? null;
  }

  count(): StalenessCount {
    const { batchGroups, consumed } = this.#pending ?? {
      batchGroups: this.#batch,
      consumed: this.#consumed,
    };
    const [step, accepted, rejected] = [this.#step, this.#accepted, this.#rejected];
    return { step, batchGroups, consumed, accepted, rejected };
  }

  /** False: held; `open` is called once when it is let in, unless `left` is called before. */
  enter(groupKey: string, rolloutKey: string, open: () => void): boolean {
    let group = this.#open.get(groupKey);
    if (group === undefined) {
      group = { key: groupKey, inFlight: 0, usable: false, held: null };
      this.#open.set(groupKey, group);
      if (this.#closed.delete(groupKey)) {
        group.usable = true;
        this.#accepted--;
        this.#running++;
      } else if (this.#held.size === 0 && this.admitted < this.limit) {
        this.#running++;
      } else {
        group.held = new Map();
        this.#held.add(group);
      }
    }
    group.inFlight++;
    group.held?.set(rolloutKey, open);
    return group.held === null;
  }

  /** `usable`: it ended as `stop` or `length`. */
  left(groupKey: string, rolloutKey: string, usable: boolean): void {
    const group = this.#open.get(groupKey);
    if (group === undefined) return;
    group.inFlight--;
    group.usable ||= usable;
    group.held?.delete(rolloutKey);
    if (group.inFlight > 0) return;
    this.#open.delete(groupKey);
    if (group.held !== null) {
      this.#held.delete(group);
      return;
    }
    this.#running--;
    if (group.usable) {
      this.#accepted++;
      this.#remember(groupKey);
    }
    this.#letIn();
  }

  /** `committed`: the fleet's version of the job's policy; null before the first. */
  report(report: TrainerReport, committed: number | null): void {
    const batchBefore = this.#pending?.batchGroups ?? this.#batch;
    if (this.#step !== null && report.step < this.#step) this.#forget();
    const consumedBefore = this.#pending?.consumed ?? this.#consumed;
    // Before the first report of all no step is known: what it says was done, at most with all that was accepted.
    const steps = report.step - (this.#step ?? 0);
    this.#step = report.step;
    const rejected = Math.max(0, report.rejectedGroups - this.#rejected);
    this.#rejected = report.rejectedGroups;
    this.#accepted -= Math.min(rejected, Math.max(0, this.#accepted - consumedBefore));
    const done = Math.min(consumedBefore + steps * batchBefore, this.#accepted);
    const consumed = Math.max(consumedBefore, done);
    const batchGroups = report.batchGroups ?? batchBefore;
    this.#pending = { version: report.version, batchGroups, consumed };
    this.committed(committed);
    this.#letIn();
  }

  committed(version: number | null): void {
    const pending = this.#pending;
    if (pending === null || version === null || version < pending.version) return;
    this.#pending = null;
    this.#consumed = pending.consumed;
    this.#batch = pending.batchGroups;
    this.#letIn();
  }

  /** What is let in stays in, even where the new bound is lower. */
  change(terms: StalenessTerms): void {
    if (terms.batchGroups !== this.#terms.batchGroups) {
      this.#batch = terms.batchGroups;
      if (this.#pending) this.#pending = { ...this.#pending, batchGroups: this.#batch };
    }
    this.#terms = terms;
    this.#letIn();
  }

  /** The bound is no more. */
  release(): void {
    this.#terms = { ...this.#terms, eta: Number.POSITIVE_INFINITY };
    this.#letIn();
  }

  /** A new run: whatever its first step is called, nothing of it is consumed or accepted yet. */
  restart(): void {
    this.#forget();
    this.#letIn();
  }

  #forget(): void {
    this.#consumed = 0;
    this.#accepted = 0;
    this.#rejected = 0;
    this.#pending = null;
    this.#step = null;
    this.#closed.clear();
    for (const group of this.#open.values()) group.usable = false;
  }

  #letIn(): void {
    for (const group of this.#held) {
      if (this.admitted >= this.limit) return;
      this.#held.delete(group);
      this.#running++;
      const held = group.held ?? new Map<string, () => void>();
      group.held = null;
      // May end at once, and so come back to `left`.
      for (const open of held.values()) open();
    }
  }

  #remember(key: string): void {
    this.#closed.set(key, true);
    this.#closed.keep(this.#remembered);
  }
}
