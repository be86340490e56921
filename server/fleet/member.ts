/**
 * One worker with everything that keeps watch over it: what probes and evidence say becomes its
 * condition, and its condition becomes news for the fleet's listeners.
 */
import { PacelineError } from "../contract/errors.ts";
import type { WorkerState } from "../contract/worker.ts";
import type { Cause } from "./condition.ts";
import { withDeadline } from "./deadline.ts";
import type { Evidence, FleetChange } from "./fleet.ts";
import { createIntake, type Intake } from "./intake.ts";
import { createMonitor, type Monitor, type MonitorContext, type Verdicts } from "./monitor.ts";
import type { Worker } from "./worker.ts";

/** What the fleet tells telemetry. */
export interface FleetObserver {
  changed(
    worker: string,
    incarnation: string,
    from: WorkerState | null,
    to: WorkerState,
    reason: string | null,
  ): void;
  probeFailed(worker: string, error: PacelineError, strikes: number): void;
  evidence(worker: string, evidence: Evidence): void;
}

export interface MemberContext extends MonitorContext {
  readonly observe: FleetObserver;
  publish(change: FleetChange): void;
}

export class Member {
  readonly worker: Worker;
  readonly monitor: Monitor;
  readonly intake: Intake;
  readonly #context: MemberContext;
  #told: WorkerState | null = null;
  #control: Promise<unknown> = Promise.resolve();

  constructor(worker: Worker, context: MemberContext) {
    this.worker = worker;
    this.#context = context;
    this.monitor = createMonitor(worker, this.#verdicts(), context);
    this.intake = createIntake(worker, context.clock, context.options, {
      polled: () => context.publish({ type: "telemetry", worker: worker.record(context.clock) }),
      failed: () => void this.monitor.check(null),
    });
  }

  /** Takes its place in the fleet, just probed. */
  admit(): void {
    const { worker } = this;
    worker.renew(this.#context.clock, this.#context.options.leaseMs);
    worker.apply("answered", null);
    if (worker.description.paused) worker.apply("paused", "paused at the engine");
    if (worker.description.asleep) worker.apply("slept", "put to sleep at the engine");
    this.tell();
    this.monitor.reschedule();
  }

  /** Sends the worker's record to all listeners. */
  tell(): void {
    const { worker } = this;
    const { state } = worker;
    if (state !== this.#told) {
      this.#context.observe.changed(
        worker.id,
        worker.incarnation,
        this.#told,
        state,
        worker.reason,
      );
      this.#told = state;
    }
    this.#context.publish({ type: "worker", worker: worker.record(this.#context.clock) });
  }

  /** Applies a cause and tells it if anything changed. */
  apply(cause: Cause, reason: string | null): void {
    if (this.worker.apply(cause, reason)) this.tell();
  }

  lose(reason: string): void {
    const { worker } = this;
    if (!worker.apply("lost", reason)) return;
    worker.lostAt = this.#context.clock.now();
    const { id, incarnation } = worker;
    this.#context.publish({ type: "lost", worker: id, incarnation, reason });
    this.tell();
    this.monitor.reschedule();
  }

  report(evidence: Evidence): void {
    const { worker, monitor } = this;
    if (worker.state === "lost") return;
    this.#context.observe.evidence(worker.id, evidence);
    if (evidence === "ok") worker.doubts = Math.max(0, worker.doubts - 1);
    else if (evidence === "misversioned") {
      this.apply("poisoned", "tokens claim a version that it never proved");
    } else if (evidence === "engine_error" || evidence === "misaligned") this.#doubt(evidence);
    else void monitor.check(evidence);
  }

  #doubt(evidence: Evidence): void {
    const { worker } = this;
    const { clock, options } = this.#context;
    if (++worker.doubts < options.doubts || worker.doubtedUntil > clock.now()) return;
    const closedMs = Math.min(options.suspectMs * 2 ** worker.doubtedTimes, options.reprobeMaxMs);
    worker.doubtedTimes++;
    worker.doubtedUntil = clock.now() + closedMs;
    // Half open afterwards: one more broken answer closes it again, for twice as long.
    worker.doubts = options.doubts - 1;
    this.apply("doubted", `${options.doubts} broken answers, the last: ${evidence}`);
    void this.monitor.check(null);
  }

  #verdicts(): Verdicts {
    const { worker } = this;
    const { clock, observe } = this.#context;
    return {
      alive: (description, overlapped) => {
        let news = worker.describe(description);
        if (worker.doubtedUntil <= clock.now()) {
          if (worker.doubts === 0) worker.doubtedTimes = 0;
          news = worker.apply("answered", null) || news;
        }
        // While someone else pauses and resumes it for an update, its pause is no operator's; an update that
        // failed leaves it paused until it is healed.
        if (!overlapped && !worker.updating && worker.state !== "poisoned") {
          const cause = description.paused ? "paused" : "resumed";
          news = worker.apply(cause, "paused at the engine") || news;
          const rest = description.asleep ? "slept" : "woken";
          news = worker.apply(rest, "put to sleep at the engine") || news;
        }
        if (news) this.tell();
      },
      suspect: (reason) => this.apply("doubted", reason),
      lost: (reason) => this.lose(reason),
      reborn: (description) => {
        this.lose("restarted");
        worker.reborn(description);
        worker.apply("reborn", null);
        this.admit();
      },
      failed: (error, strikes) => observe.probeFailed(worker.id, error, strikes),
    };
  }

  /** One control call at a time; a probe that overlaps it is told so. Throws what the engine said. */
  control(what: string, call: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { worker, monitor } = this;
    const { clock, options } = this.#context;
    const run = async (): Promise<void> => {
      if (worker.state === "lost") {
        throw new PacelineError("engine_unreachable", `${worker.id} is lost: ${worker.reason}`);
      }
      worker.controls++;
      worker.forgivenSince ??= clock.now();
      try {
        await withDeadline(clock, options.controlMs, what, call);
      } catch (thrown) {
        // What the engine did is unknown: a probe after this tells whether it is paused.
        void monitor.check(null);
        throw thrown;
      } finally {
        worker.controls++;
        if (!worker.updating) worker.forgivenSince = null;
      }
    };
    const done = this.#control.then(run);
    this.#control = done.catch(() => {});
    return done;
  }

  async close(): Promise<void> {
    this.monitor.close();
    this.intake.close();
    await this.worker.engine.close();
  }
}
