/** Workers that are lost or poisoned: what they proved is void, and everybody who works on them is told. */
import { PacelineError } from "../../contract/errors.ts";
import type { WorkerRecord } from "../../fleet/fleet.ts";
import type { CatchUp } from "./catch-up.ts";
import { withDeadline } from "./deadline.ts";
import type { ProgressBoard } from "./progress-board.ts";
import type { PublicationLines } from "./publication-lines.ts";
import type { UpdateContext } from "./update-context.ts";

export interface Departures {
  /** This life of a worker is over. */
  gone(worker: string, incarnation: string, reason: string): void;
  /** Tokens of unproven versions came from it: what it proved is void, what runs there goes on elsewhere. */
  evict(worker: WorkerRecord): void;
}

export interface DepartureParts {
  readonly context: UpdateContext;
  readonly board: ProgressBoard;
  readonly catchUp: CatchUp;
  readonly lines: PublicationLines;
  readonly closing: AbortSignal;
}

export function createDepartures(parts: DepartureParts): Departures {
  const { board, catchUp, lines, closing } = parts;
  const { ledger, gate, clock, timings, observe } = parts.context;
  return {
    evict({ id, description: { incarnation } }) {
      const held = ledger.holds(id, incarnation).find(({ base }) => base === undefined);
      if (!held || lines.taken(id) || catchUp.concerns(id)) return;
      const { policy, version } = held;
      ledger.forget(id, incarnation);
      withDeadline(clock, timings.discardMs, `${id}: emptying`, closing, () =>
        gate.drain(id, "migrate", 0),
      ).catch((thrown: unknown) =>
        observe({ type: "trouble", policy, version, error: PacelineError.from(thrown) }),
      );
    },
    gone(worker, incarnation, reason) {
      ledger.forget(worker, incarnation);
      parts.context.rooms.forget(incarnation);
      lines.lost({ worker, incarnation }, reason);
      catchUp.lost({ worker, incarnation });
      for (const { policy, committedVersion } of ledger.policies()) {
        if (committedVersion === null) continue;
        const row = board.row(policy, committedVersion, worker);
        if (row) board.put(policy, committedVersion, worker, { ...row, phase: "gone", reason });
      }
    },
  };
}
