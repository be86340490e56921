/**
 * Sessions that are alive: the order of their turns, and how long they live. A turn starts once the one before it
 * on its branch has ended by itself; a turn that was aborted or failed is open again, to be retried or gone on from. A
 * session ends when it is finished, or `ttlMs` after its last turn; then `closed` hears of it, once.
 *
 * In memory, as rollouts are: a session that is not known may begin at any turn, since it may have outlived its
 * time or this server, and what lies before that turn is then not known to be wrong.
 */
import { AgeMap } from "../age-map.ts";
import type { Clock, Timer } from "../contract/clock.ts";
import { PacelineError } from "../contract/errors.ts";
import { type SessionRef, sessionKey } from "../contract/rollout.ts";
import { LIMITS } from "../limits.ts";
import { type TurnCounts, Turns } from "./turns.ts";

export interface SessionsOptions {
  /** Without a turn for so long, a session is over. */
  readonly ttlMs: number;
  /** Sessions alive at once. Default `LIMITS.liveSessions`. */
  readonly limit?: number;
}

/** A turn that has begun. */
export interface Turn {
  /** Call once. `settled`: it ended by itself and the next may come; else the turn is open again. */
  ended(settled: boolean): void;
}

export interface FinishedSession extends TurnCounts {
  readonly id: string;
  readonly job: string;
}

/** `expired`: it outlived the time between turns; `empty`: nothing came of its only turns. */
export type SessionEnd = "finished" | "expired" | "empty";

export interface Sessions {
  /**
   * Claims the turn for `rollout`. Throws `conflict` for one that is out of its branch's order or of a finished session, `not_found`
   * for a branch from a turn that has not been, `overloaded` where too many sessions are alive.
   */
  begin(job: string, ref: SessionRef, rollout: string): Turn;
  /** The turn that may begin now, for callers that count none: of a branch that rests, else the first of a new one. */
  next(job: string, id: string): SessionRef;
  /** Ends a session; repeated calls answer the same. Throws `not_found`, and `conflict` while a turn runs. */
  finish(job: string, id: string): FinishedSession;
  readonly alive: number;
  /** None expires any more: nothing of a server that has stopped waits for the longest idle one. */
  stop(): void;
}

interface Session {
  readonly key: string;
  readonly job: string;
  readonly id: string;
  readonly turns: Turns;
  /** A final turn has ended: nothing new begins. */
  final: boolean;
}

export function createSessions(
  clock: Clock,
  options: SessionsOptions,
  closed: (key: string, session: FinishedSession, how: SessionEnd) => void,
): Sessions {
  const { ttlMs, limit = LIMITS.liveSessions } = options;
  const alive = new Map<string, Session>();
  const finished = new AgeMap<string, FinishedSession>();
  /** Without a running turn, longest idle first, with the time of their end. */
  const idle = new Map<string, number>();
  let watch: Timer | null = null;

  const close = (session: Session, how: SessionEnd): void => {
    const { key, job, id, turns } = session;
    alive.delete(key);
    idle.delete(key);
    closed(key, { id, job, ...turns.counts }, how);
  };

  const sweep = (): void => {
    watch = null;
    for (const [key, endsAt] of idle) {
      const left = endsAt - clock.now();
      if (left > 0) {
        watchFor(left);
        return;
      }
      const session = alive.get(key);
      if (session !== undefined) close(session, "expired");
    }
  };

  const watchFor = (ms: number): void => {
    watch ??= clock.timer(ms, sweep);
  };

  const rest = (session: Session): void => {
    idle.delete(session.key);
    idle.set(session.key, clock.now() + ttlMs);
    watchFor(ttlMs);
  };

  const over = (session: Session): FinishedSession => {
    const { key, job, id, turns } = session;
    const report = { id, job, ...turns.counts };
    finished.set(key, report);
    finished.keep(LIMITS.finishedSessions);
    close(session, "finished");
    return report;
  };

  const open = (job: string, ref: SessionRef, key: string): Session => {
    if (alive.size >= limit) {
      throw new PacelineError("overloaded", `${alive.size} sessions are alive; finish some`, {
        retryAfterMs: 1_000,
        details: { path: "session.id", limit },
      });
    }
    return { key, job, id: ref.id, turns: new Turns(ref.turn), final: false };
  };

  const ended = (session: Session, ref: SessionRef, settled: boolean): void => {
    session.turns.ended(ref, settled);
    if (settled && ref.final) session.final = true;
    if (session.turns.running > 0) return;
    if (session.final) over(session);
    // One of which nothing came was never a session.
    else if (session.turns.counts.turns === 0) close(session, "empty");
    else rest(session);
  };

  return {
    begin(job, ref, rollout) {
      const key = sessionKey(job, ref.id);
      const known = alive.get(key);
      if (known?.final || finished.has(key)) {
        throw new PacelineError("conflict", `session ${ref.id} is finished`, {
          details: { path: "session.id" },
        });
      }
      const session = known ?? open(job, ref, key);
      session.turns.begin(ref, rollout);
      alive.set(key, session);
      idle.delete(key);
      return { ended: (settled) => ended(session, ref, settled) };
    },
    next(job, id) {
      const known = alive.get(sessionKey(job, id));
      const { turn, branch } = known?.turns.next ?? { turn: 0, branch: 0 };
      return { id, turn, branch, final: false };
    },
    finish(job, id) {
      const key = sessionKey(job, id);
      const session = alive.get(key);
      if (session === undefined) {
        const before = finished.get(key);
        if (before !== undefined) return before;
        throw new PacelineError("not_found", `no session ${id} is alive in job ${job}`, {
          details: { job, id },
        });
      }
      if (session.turns.running > 0) {
        throw new PacelineError("conflict", `a turn of session ${id} still runs`);
      }
      return over(session);
    },
    get alive() {
      return alive.size;
    },
    stop() {
      watch?.cancel();
      watch = null;
    },
  };
}
