/** One step of bringing a version into one life of one worker: measured, with a deadline, its failure looked into. */
import type { Engine } from "../../../adapters/engine.ts";
import { PacelineError } from "../../contract/errors.ts";
import type { VersionRecord } from "../../policy/ledger.ts";
import type { MemberRef } from "./core/events.ts";
import { delay, withDeadline } from "./deadline.ts";
import type { UpdatePhase } from "./observation.ts";
import { timed, type UpdateContext } from "./update-context.ts";

export interface WorkerSteps {
  /** That life is not over. */
  readonly alive: boolean;
  /** Throws `engine_unreachable` once that life is over. */
  readonly engine: Engine;
  gone(): PacelineError;
  run<T>(
    phase: UpdatePhase,
    ms: number,
    signal: AbortSignal,
    step: (signal: AbortSignal) => Promise<T>,
  ): Promise<T>;
}

export function createWorkerSteps(
  context: UpdateContext,
  { policy }: Pick<VersionRecord, "policy">,
  { worker, incarnation }: MemberRef,
): WorkerSteps {
  const { fleet, clock, timings } = context;
  const current = (): Engine | null => fleet.engine(worker, incarnation);
  const gone = (): PacelineError =>
    new PacelineError("engine_unreachable", `${worker} is not that incarnation any more`);

  return {
    get alive() {
      return current() !== null;
    },
    get engine() {
      const engine = current();
      if (engine === null) throw gone();
      return engine;
    },
    gone,
    async run(phase, ms, signal, step) {
      try {
        return await timed(context, { policy, worker, phase }, () =>
          withDeadline(clock, ms, `${worker}: ${phase}`, signal, step),
        );
      } catch (thrown) {
        if (PacelineError.from(thrown).code !== "engine_unreachable" || current() === null)
          throw thrown;
        // Dead workers leave a publication, live ones fail it: the fleet finds out which it is.
        fleet.report(worker, incarnation, "socket_lost");
        await delay(clock, timings.verdictMs, `${worker} is being probed`, signal);
        throw thrown;
      }
    },
  };
}
