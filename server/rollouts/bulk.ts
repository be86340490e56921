/**
 * Many rollouts of one caller: a bounded number submitted at a time, their endings handed out as they
 * come. An ending keeps its place until the caller has taken the next one, so a caller that is slow to
 * read holds back the rollouts that would follow, not memory.
 */
import type { Clock } from "../contract/clock.ts";
import { PacelineError } from "../contract/errors.ts";
import type { Result } from "../contract/result.ts";
import type { Rollout } from "../contract/rollout.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { LIMITS } from "../limits.ts";
import { type Admission, admit } from "./admission.ts";
import type { RolloutService } from "./service.ts";
import { createTally, type Summary } from "./summary.ts";

export interface BulkParts extends Admission {
  readonly rollouts: Pick<RolloutService, "submit">;
  readonly fleet: Pick<Fleet, "list" | "listen">;
  readonly clock: Clock;
  /** Submitted and not yet taken by the caller. Default `LIMITS.manyInFlight`. */
  readonly inFlight?: number;
}

export type Ending = { readonly index: number; readonly id: string; readonly job: string } & (
  | { readonly result: Result }
  | { readonly error: PacelineError }
);

export interface Bulk {
  /** In order of ending; ends early, without throwing, once `signal` aborts. What is left then ends as `client`. */
  endings(signal: AbortSignal): AsyncGenerator<Ending>;
  /** Once, after the last ending. */
  summary(): Summary;
}

/** What admission says of one of many, with its place in the order. */
export function admitAll(
  rollouts: readonly Rollout[],
  admission: Admission,
  at: (index: number, thrown: unknown) => unknown,
): void {
  for (const [index, rollout] of rollouts.entries()) {
    try {
      admit(rollout, admission);
    } catch (thrown) {
      throw at(index, thrown);
    }
  }
}

/**
 * Submits the first ones at once. Throws `overloaded` or `shutting_down` if already the first finds no
 * room; what is refused later is that rollout's ending.
 */
export function startBulk(rollouts: readonly Rollout[], parts: BulkParts): Bulk {
  const { fleet, clock, inFlight = LIMITS.manyInFlight } = parts;
  // Taken out as they are submitted: prompts must not outlive their rollouts.
  const waiting: (Rollout | null)[] = [...rollouts];
  const count = rollouts.length;
  const tally = createTally(rollouts, fleet, clock);
  const ended: Ending[] = [];
  const leaves = new Set<() => void>();
  let next = 0;
  let given = 0;
  let wake: (() => void) | null = null;
  let summary: Summary | null = null;

  const end = (ending: Ending, before: number): void => {
    if ("result" in ending) tally.finished(ending.result, before);
    else tally.failed();
    ended.push(ending);
    wake?.();
  };

  const submit = (index: number, rollout: Rollout): void => {
    const { id, job } = rollout;
    const fail = (thrown: unknown): void =>
      end({ index, id, job, error: PacelineError.from(thrown) }, 0);
    try {
      const handle = parts.rollouts.submit(rollout);
      const before = handle.progress().outputTokens;
      const leave = handle.attach("unary");
      leaves.add(leave);
      const over = (): void => {
        leaves.delete(leave);
        leave();
      };
      handle.result().then(
        (result) => {
          over();
          end({ index, id, job, result }, before);
        },
        (thrown: unknown) => {
          over();
          fail(thrown);
        },
      );
    } catch (thrown) {
      if (index === 0 && PacelineError.from(thrown).kind.boundary === "admission") throw thrown;
      fail(thrown);
    }
  };

  const fill = (): void => {
    while (next < count && next - given < inFlight) {
      const rollout = waiting[next] as Rollout;
      waiting[next] = null;
      submit(next++, rollout);
    }
  };

  try {
    fill();
  } catch (thrown) {
    tally.close();
    throw thrown;
  }
  return {
    async *endings(signal) {
      signal.addEventListener("abort", () => wake?.(), { once: true });
      try {
        while (given < count && !signal.aborted) {
          const ending = ended.shift();
          if (ending === undefined) {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
            wake = null;
            continue;
          }
          yield ending;
          given++;
          fill();
        }
      } finally {
        summary = tally.close();
        next = count;
        for (const leave of [...leaves]) leave();
      }
    },
    summary() {
      if (summary === null) throw new Error("a summary before the last ending");
      return summary;
    },
  };
}
