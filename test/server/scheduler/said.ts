/** The last that was said of each rollout, worker, slot, job …: what may be said again without meaning anything new. */
import type { SchedulerEvent } from "../../../server/scheduler/events.ts";

const LIMIT = 256;

export class Said {
  readonly #last = new Map<string, SchedulerEvent>();

  heard(event: SchedulerEvent): void {
    const about = subjectOf(event);
    this.#last.delete(about);
    this.#last.set(about, event);
    const [oldest] = this.#last.keys();
    if (this.#last.size > LIMIT && oldest !== undefined) this.#last.delete(oldest);
  }

  all(): SchedulerEvent[] {
    return [...this.#last.values()];
  }

  forget(key: string): void {
    this.#last.delete(key);
  }

  /** What was said of a worker's last life would be meant for this one. */
  lifeOver(worker: string): void {
    for (const [about, event] of this.#last) {
      if ("worker" in event && event.worker === worker) this.#last.delete(about);
    }
  }
}

/** Whom an event is about: what is said later of the same replaces it. */
function subjectOf(event: SchedulerEvent): string {
  switch (event.type) {
    case "offer":
      return event.card.key;
    case "progress":
    case "done":
    case "withdraw":
      return event.key;
    case "worker":
      return `worker ${event.worker.id}`;
    case "worker_lost":
      return `worker ${event.worker}`;
    case "gate":
    case "ungate":
      return `gate ${event.worker}`;
    case "telemetry":
    case "cache":
      return `${event.type} ${event.worker} ${event.slot}`;
    case "committed":
      return `committed ${event.policy}`;
    case "job":
      return `job ${event.job}`;
    case "session_finished":
      return `session ${event.session}`;
    case "histories":
    case "tick":
      return event.type;
  }
}
