/** The turns of one session: each branch in its own order, from where it forked off. */
import { PacelineError } from "../contract/errors.ts";
import type { SessionRef } from "../contract/rollout.ts";
import { LIMITS } from "../limits.ts";

export interface TurnCounts {
  /** That ended by themselves, over all branches. */
  readonly turns: number;
  readonly branches: number;
}

interface Branch {
  /** Its last turn that ended by itself, or the one that it forks from. */
  last: number;
  /** Who made that turn; null for one of another branch. */
  by: string | null;
  running: { readonly turn: number; readonly rollout: string } | null;
}

export class Turns {
  readonly #branches = new Map<number, Branch>();
  /** Turns before this one were not seen here. */
  readonly #first: number;
  #furthest: number;
  #settled = 0;
  #running = 0;

  constructor(first: number) {
    this.#first = first;
    this.#furthest = first - 1;
  }

  get running(): number {
    return this.#running;
  }

  get counts(): TurnCounts {
    return { turns: this.#settled, branches: this.#branches.size };
  }

  /** The turn that may begin without waiting for another: the next of a branch that rests, else the first of a new one. */
  get next(): { readonly turn: number; readonly branch: number } {
    for (const [branch, { last, running }] of this.#branches) {
      if (running === null) return { turn: last + 1, branch };
    }
    let branch = this.#branches.size;
    while (this.#branches.has(branch)) branch++;
    return { turn: this.#first, branch };
  }

  /** Throws `conflict` or `not_found`, having changed nothing. */
  begin({ turn, branch: number }: SessionRef, rollout: string): void {
    const branch = this.#branches.get(number) ?? this.#fork(turn, number);
    assertNext(branch, turn, number);
    branch.running = { turn, rollout };
    this.#branches.set(number, branch);
    this.#running++;
  }

  ended({ turn, branch: number }: SessionRef, settled: boolean): void {
    const branch = this.#branches.get(number);
    if (branch?.running?.turn !== turn) throw new Error(`turn ${turn} of ${number} does not run`);
    this.#running--;
    if (settled) {
      branch.last = turn;
      branch.by = branch.running.rollout;
      this.#settled++;
      this.#furthest = Math.max(this.#furthest, turn);
    }
    branch.running = null;
  }

  #fork(turn: number, number: number): Branch {
    if (turn > this.#first && turn - 1 > this.#furthest) {
      throw new PacelineError(
        "not_found",
        `branch ${number} would fork from turn ${turn - 1}, which has not ended on any branch`,
        { details: { path: "session.branch", last: this.#furthest } },
      );
    }
    if (this.#branches.size >= LIMITS.sessionBranches) {
      throw new PacelineError("conflict", `the session has ${this.#branches.size} branches`, {
        details: { path: "session.branch", limit: LIMITS.sessionBranches },
      });
    }
    return { last: turn - 1, by: null, running: null };
  }
}

function assertNext({ last, by, running }: Branch, turn: number, branch: number): void {
  const next = last + 1;
  const refuse = (why: string): never => {
    throw new PacelineError("conflict", `session.turn ${turn} of branch ${branch}: ${why}`, {
      details: { path: "session.turn", next },
    });
  };
  if (running !== null) refuse(`turn ${running.turn} still runs as rollout ${running.rollout}`);
  if (turn === last && by !== null) {
    refuse(`rollout ${by} was this turn; the next is ${next}, another way is another branch`);
  }
  if (turn < next) refuse(`it goes back; the next is ${next}, another way is another branch`);
  if (turn > next) refuse(`turn ${turn - 1} has not ended; the next is ${next}`);
}
