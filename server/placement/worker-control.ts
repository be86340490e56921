/** What an operator tells one worker, or all of a pool, to do: the same calls behind every front. */
import { PacelineError } from "../contract/errors.ts";
import type { Fleet, WorkerRecord } from "../fleet/fleet.ts";
import type { DrainMode } from "./gates.ts";
import type { PlacementOwner } from "./owner.ts";

export type ControlOrder =
  | { readonly action: "pause"; readonly mode: "keep" | "retract" | "abort" }
  | { readonly action: "resume" | "sleep" | "wake" | "flush" };

export interface WorkerControl {
  /** Answers what the worker is afterwards. Throws `not_found`, `unsupported`, `conflict`, or what its engine said. */
  one(worker: string, order: ControlOrder): Promise<WorkerRecord>;
  /**
   * All of a pool at once, those lost left out. Throws `not_found` for a pool without a worker, and where
   * some fail, the first one's error with what every worker answered in `details.workers`.
   */
  pool(pool: string, order: ControlOrder): Promise<readonly WorkerRecord[]>;
  /**
   * Empties a worker for good: `finish` waits for its rollouts, at most `timeoutMs` (default 60,000), then
   * moves the rest; `migrate` moves all at once. Resolves when nothing runs there.
   */
  drain(worker: string, how: DrainMode, timeoutMs?: number): Promise<void>;
}

/** How long a drain waits where nobody says, ms. */
const DRAIN_MS = 60_000;

export interface WorkerControlParts {
  readonly fleet: Pick<Fleet, "list" | "get" | "pause" | "resume" | "sleep" | "wake" | "flush">;
  readonly owner: Pick<PlacementOwner, "drain" | "whileEmpty">;
}

/** Rollouts of a worker that goes to sleep move at once; what holds them is an update under way, ms. */
const SLEEP_WAIT_MS = 60_000;

export function createWorkerControl({ fleet, owner }: WorkerControlParts): WorkerControl {
  async function one(worker: string, order: ControlOrder): Promise<WorkerRecord> {
    switch (order.action) {
      case "pause":
        return fleet.pause(worker, order.mode);
      case "sleep":
        return sleep(worker);
      default:
        return fleet[order.action](worker);
    }
  }

  async function sleep(worker: string): Promise<WorkerRecord> {
    const { state, description } = fleet.get(worker);
    // Asked before anything is moved; asleep already: nothing to empty.
    if (!description.capabilities.sleep || state === "asleep" || state === "poisoned") {
      return fleet.sleep(worker);
    }
    return owner.whileEmpty(worker, SLEEP_WAIT_MS, () => fleet.sleep(worker));
  }

  return {
    one,
    drain: (worker, how, timeoutMs = DRAIN_MS) => owner.drain(worker, how, timeoutMs),
    async pool(pool, order) {
      const members = fleet.list().filter((one) => one.pool === pool && one.state !== "lost");
      if (members.length === 0) {
        throw new PacelineError("not_found", `no worker is in pool ${pool}`, { details: { pool } });
      }
      const outcomes = await Promise.allSettled(members.map(({ id }) => one(id, order)));
      const records: WorkerRecord[] = [];
      const answers: object[] = [];
      let first: PacelineError | null = null;
      outcomes.forEach((outcome, at) => {
        const worker = (members[at] as WorkerRecord).id;
        if (outcome.status === "fulfilled") {
          records.push(outcome.value);
          answers.push({ worker, state: outcome.value.state });
        } else {
          const error = PacelineError.from(outcome.reason);
          first ??= error;
          answers.push({ worker, error: error.toBody() });
        }
      });
      if (first !== null) throw partial(first, pool, order, answers, records.length);
      return records;
    },
  };
}

function partial(
  first: PacelineError,
  pool: string,
  { action }: ControlOrder,
  workers: readonly object[],
  well: number,
): PacelineError {
  return new PacelineError(
    first.code,
    `${action} of pool ${pool}: ${workers.length - well} of ${workers.length} workers failed, the first: ${first.message}`,
    { details: { pool, workers } },
  );
}
