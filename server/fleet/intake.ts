/** Polls a worker's telemetry while the worker is in use. A failed poll is no strike: it asks for a probe. */
import type { Clock, Timer } from "../contract/clock.ts";
import { withDeadline } from "./deadline.ts";
import type { FleetOptions } from "./options.ts";
import type { Worker } from "./worker.ts";

export interface Intake {
  /** The worker is used: poll until it has been idle for a while. */
  use(): void;
  close(): void;
}

export function createIntake(
  worker: Worker,
  clock: Clock,
  options: FleetOptions,
  hooks: { polled(): void; failed(): void },
): Intake {
  let timer: Timer | null = null;
  let polling = false;
  let closed = false;

  const busy = (): boolean => {
    if (worker.state === "lost") return false;
    if (clock.now() - worker.lastUsed < options.idleMs) return true;
    return worker.load !== null && worker.load.running + worker.load.waiting > 0;
  };

  function arm(): void {
    if (closed || timer !== null || polling || !busy()) return;
    timer = clock.timer(options.telemetryMs, () => {
      timer = null;
      void poll();
    });
  }

  async function poll(): Promise<void> {
    polling = true;
    const incarnation = worker.incarnation;
    try {
      const telemetry = await withDeadline(clock, options.probeDeadlineMs, "telemetry", (signal) =>
        worker.engine.telemetry(signal),
      );
      if (!closed && worker.incarnation === incarnation && worker.state !== "lost") {
        worker.load = telemetry;
        worker.fit.add(telemetry);
        hooks.polled();
      }
    } catch {
      // Whatever it was, the probe that follows meets it too and tells it.
      if (!closed) hooks.failed();
    }
    polling = false;
    arm();
  }

  return {
    use() {
      worker.lastUsed = clock.now();
      arm();
    },
    close() {
      closed = true;
      timer?.cancel();
    },
  };
}
