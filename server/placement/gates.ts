/**
 * Who has closed which worker, and who waits for it to be empty. One owner of a gate at a time: an update
 * that meets another gate is refused at once, a drain waits for an update to end. Every wait has an end
 * here: the worker is empty, is lost, or the time is over.
 */
import type { Clock } from "../contract/clock.ts";
import { PacelineError } from "../contract/errors.ts";
import type { OnUpdate } from "../contract/policy.ts";
import type { SchedulerEvent } from "../scheduler/events.ts";

/** How the weights' coordinator empties a worker around a swap. */
export interface Gate {
  /**
   * Resolves when nothing runs there that must not live through it; `kept` does. Throws
   * `version_conflict` while another gate is on the worker, `engine_unreachable` when it is lost
   * meanwhile, `deadline_exceeded` when what was told to end has not; the worker stays closed until `open`.
   */
  close(
    worker: string,
    incarnation: string,
    how: { why: "update"; onUpdate: OnUpdate; graceMs: number; empty?: boolean },
  ): Promise<{ kept: readonly string[] }>;
  /** Ends an update's gate; a drain's stays. */
  open(worker: string): void;
  /** `graceMs`, or the grace of a job where that is longer. */
  longestGraceMs(graceMs: number): number;
  /** Of these workers' KV room, what nothing that runs or waits needs now, 0–1; none while anything waits. */
  spareShare(workers: ReadonlySet<string>): number;
}

export type DrainMode = "finish" | "migrate";

/** What attempts that were told to end may take to do so, ms: an abort and the closing of a stream. */
const ENDING_MS = 10_000;

interface Shut {
  readonly incarnation: string;
  why: "update" | "drain" | "migrate";
  readonly empty: Promise<readonly string[]>;
  resolve(kept: readonly string[]): void;
  reject(error: PacelineError): void;
  /** Called when the gate is gone. */
  readonly gone: (() => void)[];
}

export interface Gates {
  close(
    worker: string,
    incarnation: string,
    onUpdate: OnUpdate,
    graceMs: number,
    empty: boolean,
  ): Promise<readonly string[]>;
  /** A job's own grace in updates, ms; null: it has none. */
  grant(job: string, graceMs: number | null): void;
  longestGraceMs(graceMs: number): number;
  /** Empties a worker for good; retried calls join, and `migrate` hastens a `finish`. */
  drain(worker: string, incarnation: string, mode: DrainMode, timeoutMs: number): Promise<void>;
  /** False if there was no update's gate. */
  open(worker: string): boolean;
  /** Ends a drain's gate: the worker is wanted again. */
  undrain(worker: string): void;
  /** Resolves when no update has the worker closed. Throws `deadline_exceeded`. */
  updated(worker: string, timeoutMs: number): Promise<void>;
  emptied(worker: string, kept: readonly string[]): void;
  /** Its weights broke: nothing runs there any more, and whoever heals it closes it anew. */
  poisoned(worker: string): void;
  lost(worker: string, incarnation: string, reason: string): void;
}

export function createGates(clock: Clock, handle: (event: SchedulerEvent) => void): Gates {
  const shuts = new Map<string, Shut>();
  /** Job → grace that its rollouts have, or had while some of them may still run. */
  const graces = new Map<string, number>();
  const longestGraceMs = (graceMs: number): number => Math.max(graceMs, ...graces.values());

  function shut(worker: string, incarnation: string, why: Shut["why"]): Shut {
    const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
    // Whoever waits sees the rejection; with nobody left to wait it is no defect.
    promise.catch(() => {});
    const made: Shut = { incarnation, why, empty: promise, resolve, reject, gone: [] };
    shuts.set(worker, made);
    return made;
  }

  function lift(worker: string, found: Shut, error: PacelineError): void {
    shuts.delete(worker);
    found.reject(error);
    for (const gone of found.gone) gone();
  }

  /** Rejects when the time is over; the timer goes with the race. */
  async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = clock.timer(ms, () =>
      reject(new PacelineError("deadline_exceeded", `${what} within ${Math.round(ms)} ms`)),
    );
    try {
      return await Promise.race([work, promise]);
    } finally {
      timer.cancel();
    }
  }

  return {
    close(worker, incarnation, onUpdate, graceMs, empty) {
      const before = shuts.get(worker);
      if (before !== undefined) {
        const doing = before.why === "update" ? "updated" : "drained";
        throw new PacelineError("version_conflict", `${worker} is being ${doing} already`);
      }
      const emptied = shut(worker, incarnation, "update").empty;
      handle({ type: "gate", worker, why: "update", onUpdate, graceMs, empty });
      const ms = longestGraceMs(graceMs) + ENDING_MS;
      return within(ms, `${worker} was not emptied for its update`, emptied);
    },
    async drain(worker, incarnation, mode, timeoutMs) {
      const why = mode === "finish" ? "drain" : "migrate";
      const before = shuts.get(worker);
      const joined = before ?? shut(worker, incarnation, why);
      if (before === undefined || (why === "migrate" && before.why === "drain")) {
        joined.why = why;
        handle({ type: "gate", worker, why, onUpdate: "keep", graceMs: timeoutMs });
      }
      await within(timeoutMs + ENDING_MS, `${worker} was not drained`, joined.empty);
    },
    grant(job, graceMs) {
      if (graceMs !== null) graces.set(job, Math.max(graceMs, graces.get(job) ?? 0));
    },
    longestGraceMs,
    open(worker) {
      const found = shuts.get(worker);
      if (found?.why !== "update") return false;
      lift(worker, found, new PacelineError("version_conflict", `${worker} was opened again`));
      return true;
    },
    undrain(worker) {
      const found = shuts.get(worker);
      if (found === undefined || found.why === "update") return;
      lift(worker, found, new PacelineError("version_conflict", `${worker} was opened again`));
    },
    async updated(worker, timeoutMs) {
      const until = clock.now() + timeoutMs;
      for (let found = shuts.get(worker); found?.why === "update"; found = shuts.get(worker)) {
        const { gone } = found;
        const over = new Promise<void>((resolve) => gone.push(resolve));
        await within(until - clock.now(), `the update of ${worker} did not end`, over);
      }
    },
    emptied: (worker, kept) => shuts.get(worker)?.resolve(kept),
    poisoned(worker) {
      const found = shuts.get(worker);
      found?.resolve([]);
      if (found?.why !== "update") return;
      lift(worker, found, new PacelineError("version_conflict", `${worker} is poisoned`));
    },
    lost(worker, incarnation, reason) {
      const found = shuts.get(worker);
      if (found?.incarnation !== incarnation) return;
      // A dead worker is as empty as a drain could make it; an update of it has failed.
      if (found.why !== "update") found.resolve([]);
      lift(worker, found, new PacelineError("engine_unreachable", `${worker} was lost: ${reason}`));
    },
  };
}
