/**
 * Watches whether one worker lives: probes in turn, and at once on evidence. One probe at a time; evidence
 * that arrives during one asks for another after it, since the running one may have begun before.
 */
import type { Clock, Random, Timer } from "../contract/clock.ts";
import { PacelineError } from "../contract/errors.ts";
import type { EngineDescription } from "../contract/worker.ts";
import { withDeadline } from "./deadline.ts";
import type { FleetOptions } from "./options.ts";
import type { Worker } from "./worker.ts";

/** What the fleet does with what the monitor finds. */
export interface Verdicts {
  /** `overlapped`: a control call ran meanwhile, so `paused` may be old. */
  alive(description: EngineDescription, overlapped: boolean): void;
  suspect(reason: string): void;
  lost(reason: string): void;
  /** Another process answers at the url, or a lost one does again. */
  reborn(description: EngineDescription): void;
  failed(error: PacelineError, strikes: number): void;
}

/** Seen by an attempt: with it, one failed probe is enough. */
export type Alarm = "socket_lost" | "stuck" | null;

export interface Monitor {
  /** Probes now; resolves when the verdict is given. */
  check(alarm: Alarm): Promise<void>;
  /** Looks again at when the next probe is due. */
  reschedule(): void;
  close(): void;
}

export interface MonitorContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly options: FleetOptions;
  /** Workers in the fleet, for the fleet-wide rate of probes. */
  population(): number;
}

export function createMonitor(
  worker: Worker,
  verdicts: Verdicts,
  { clock, random, options, population }: MonitorContext,
): Monitor {
  let timer: Timer | null = null;
  let running: Promise<void> | null = null;
  let queued: { alarm: Alarm; done: Promise<void> } | null = null;
  let backOffMs = options.reprobeMs;
  let closed = false;

  function dueMs(): number {
    if (worker.state === "lost") {
      const due = backOffMs;
      backOffMs = Math.min(backOffMs * 2, options.reprobeMaxMs);
      return due;
    }
    backOffMs = options.reprobeMs;
    if (worker.strikes > 0) return options.retryMs;
    const share = (population() / options.probesPerSecond) * 1_000;
    return Math.min(Math.max(options.probeMs, share), options.leaseMs / 3);
  }

  function reschedule(): void {
    timer?.cancel();
    timer = null;
    if (closed || running !== null || (worker.state === "lost" && worker.supervised)) return;
    // Jitter keeps a fleet that was registered at once from being probed at once for ever.
    timer = clock.timer(dueMs() * (0.9 + 0.2 * random.next()), () => void check(null));
  }

  function check(alarm: Alarm): Promise<void> {
    if (closed) return Promise.resolve();
    if (running === null) {
      running = probe(alarm).finally(() => {
        running = null;
        reschedule();
      });
      return running;
    }
    if (queued === null) {
      const next = { alarm, done: Promise.resolve() };
      queued = next;
      next.done = running.then(() => {
        queued = null;
        return check(next.alarm);
      });
    } else if (alarm !== null) queued.alarm = alarm;
    return queued.done;
  }

  async function probe(alarm: Alarm): Promise<void> {
    timer?.cancel();
    const controls = worker.controls;
    const wasLost = worker.state === "lost";
    let description: EngineDescription;
    try {
      const { probeDeadlineMs } = options;
      description = await withDeadline(clock, probeDeadlineMs, "probe", (signal) =>
        worker.engine.probe(signal),
      );
    } catch (thrown) {
      if (!closed) failed(PacelineError.from(thrown), alarm);
      return;
    }
    // It was given up meanwhile: an answer from before that does not bring it back.
    const lost = worker.state === "lost";
    if (closed || (lost && (!wasLost || worker.supervised))) return;
    if (lost || description.incarnation !== worker.ownIncarnation) {
      verdicts.reborn(description);
      return;
    }
    worker.strikes = 0;
    // Its agent is gone but the engine lives: from here on our probes keep the lease.
    if (worker.agent && worker.leaseLeft(clock) === 0) worker.agent = false;
    if (!worker.agent) worker.renew(clock, options.leaseMs);
    verdicts.alive(description, controls !== worker.controls);
  }

  function failed(error: PacelineError, alarm: Alarm): void {
    if (worker.state === "lost" || forgiven(error)) return;
    worker.strikes++;
    verdicts.failed(error, worker.strikes);
    const lapsed = worker.leaseLeft(clock) === 0;
    if (alarm !== null || worker.strikes >= options.strikes || lapsed) verdicts.lost(error.message);
    else verdicts.suspect(error.message);
  }

  /** Silence (never a refused connection) while the engine is known to be busy with what we asked. */
  function forgiven(error: PacelineError): boolean {
    if (error.details["silent"] !== true || worker.forgivenSince === null) return false;
    return clock.now() - worker.forgivenSince < options.graceMs;
  }

  return {
    check,
    reschedule,
    close() {
      closed = true;
      timer?.cancel();
    },
  };
}
