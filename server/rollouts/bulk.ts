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
import type { RolloutHandle, RolloutService } from "./service.ts";
import { createTally, type Summary } from "./summary.ts";

export interface BulkParts extends Admission {
  readonly rollouts: Pick<RolloutService, "submit">;
  readonly fleet: Pick<Fleet, "list" | "listen" | "vocabularyFor">;
  readonly clock: Clock;
  /** Submitted and not yet taken by the caller. Default `LIMITS.manyInFlight`. */
  readonly inFlight?: number;
  /** Told of the summary, once all have ended. */
  readonly summarised?: ((summary: Summary) => void) | undefined;
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

/** Many rollouts that come one by one; the index of each is the number of those before it. */
export interface OpenBulk extends Bulk {
  /** How many more may be submitted until the caller has taken some endings. */
  readonly room: number;
  /** What is refused is that rollout's ending; answers the refusal, too. */
  submit(rollout: Rollout): PacelineError | null;
  /** The ending of one that never became a rollout. */
  refuse(id: string, job: string, error: PacelineError): void;
  /** No more will come. */
  close(): void;
  /** Ends what is left as `client`; for one whose endings nobody takes. */
  abandon(): void;
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
  // Taken out as they are submitted: prompts must not outlive their rollouts.
  const waiting: (Rollout | null)[] = [...rollouts];
  let next = 0;
  const fill = (): void => {
    while (next < waiting.length && bulk.room > 0) {
      const rollout = waiting[next] as Rollout;
      waiting[next] = null;
      const refusal = bulk.submit(rollout);
      if (next++ === 0 && refusal?.kind.boundary === "admission") throw refusal;
    }
    if (next === waiting.length) bulk.close();
  };
  const bulk = openBulk(parts, fill);
  try {
    fill();
  } catch (thrown) {
    bulk.abandon();
    throw thrown;
  }
  return bulk;
}

/** `onRoom` is called when the caller has taken an ending. */
export function openBulk(parts: BulkParts, onRoom: () => void): OpenBulk {
  const { fleet, clock, inFlight = LIMITS.manyInFlight } = parts;
  const tally = createTally(fleet, clock);
  const ended: Ending[] = [];
  const leaves = new Set<() => void>();
  let submitted = 0;
  let given = 0;
  let closed = false;
  let wake: (() => void) | null = null;
  let summary: Summary | null = null;

  const end = (ending: Ending, before: number): void => {
    if ("result" in ending) tally.finished(ending.result, before);
    else tally.failed();
    ended.push(ending);
    wake?.();
  };

  const follow = (index: number, handle: RolloutHandle): void => {
    const { id, job } = handle;
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
        end({ index, id, job, error: PacelineError.from(thrown) }, 0);
      },
    );
  };

  const abandon = (): void => {
    closed = true;
    summary ??= tally.close();
    for (const leave of [...leaves]) leave();
  };

  return {
    abandon,
    get room() {
      return closed ? 0 : inFlight - (submitted - given);
    },
    submit(rollout) {
      const index = submitted++;
      tally.asked(rollout);
      try {
        follow(index, parts.rollouts.submit(rollout));
        return null;
      } catch (thrown) {
        const error = PacelineError.from(thrown);
        end({ index, id: rollout.id, job: rollout.job, error }, 0);
        return error;
      }
    },
    refuse: (id, job, error) => end({ index: submitted++, id, job, error }, 0),
    close() {
      closed = true;
      wake?.();
    },
    async *endings(signal) {
      signal.addEventListener("abort", () => wake?.(), { once: true });
      try {
        while (!(closed && given === submitted) && !signal.aborted) {
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
          onRoom();
        }
        if (!signal.aborted) {
          summary = tally.close();
          parts.summarised?.(summary);
        }
      } finally {
        abandon();
      }
    },
    summary() {
      if (summary === null) throw new Error("a summary before the last ending");
      return summary;
    },
  };
}
