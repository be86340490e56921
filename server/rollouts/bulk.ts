/**
 * Many rollouts of one caller: a bounded number submitted at a time, their endings handed out as they
 * come. An ending keeps its place until the caller has taken the next one, so a caller that is slow to
 * read holds back the rollouts that would follow, not memory. Once as many groups are whole as the caller needs, what is
 * left is over at once, submitted or not (`need.ts`).
 */
import { setImmediate as turn } from "node:timers/promises";
import type { Clock } from "../contract/clock.ts";
import { PacelineError } from "../contract/errors.ts";
import type { Need } from "../contract/need.ts";
import type { Result } from "../contract/result.ts";
import type { Rollout } from "../contract/rollout.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { LIMITS } from "../limits.ts";
import type { PolicyRecord } from "../policy/ledger.ts";
import type { Made } from "../scheduler/bound/bound.ts";
import { abandon as giveUp } from "./abandon.ts";
import { type Admission, admit } from "./admission.ts";
import { NeedCount, type NeedSummary } from "./need.ts";
import type { RolloutHandle, RolloutService } from "./service.ts";
import { createTally, type Summary } from "./summary.ts";

export interface BulkParts extends Admission {
  readonly rollouts: Pick<RolloutService, "submit" | "abort" | "keep">;
  readonly ledger: {
    policy(
      policy: string,
    ): Pick<PolicyRecord, "committedVersion"> & Partial<Pick<PolicyRecord, "kind">>;
  };
  readonly fleet: Pick<Fleet, "list" | "listen" | "vocabularyFor">;
  readonly clock: Clock;
  /** Submitted and not yet taken by the caller. Default `LIMITS.manyInFlight`. */
  readonly inFlight?: number;
  /** Told of the summary, once all have ended. */
  readonly summarised?: ((summary: ManySummary) => void) | undefined;
}

export type Ending = { readonly index: number; readonly id: string; readonly job: string } & (
  | { readonly result: Result }
  | { readonly error: PacelineError }
  /** Not needed, and kept by the server with so many output tokens. */
  | { readonly keptTokens: number }
);

/** With what was needed, where the call said so. */
export type ManySummary = Summary & { readonly need: NeedSummary | null };

export interface Bulk {
  /** In order of ending; ends early, without throwing, once `signal` aborts. What is left then ends as `client`. */
  endings(signal: AbortSignal): AsyncGenerator<Ending>;
  /** Once, after the last ending. */
  summary(): ManySummary;
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

/** Throws where a call with a need holds more than can be counted (I7). */
function assertCountable(index: number): void {
  if (index < LIMITS.manyRollouts) return;
  throw new PacelineError(
    "invalid_argument",
    `a call with a need holds at most ${LIMITS.manyRollouts} rollouts`,
    { details: { path: "", limit: LIMITS.manyRollouts } },
  );
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
export function startBulk(
  rollouts: readonly Rollout[],
  parts: BulkParts,
  need: Need | null = null,
): Bulk {
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
  const bulk = openBulk(parts, fill, need);
  try {
    fill();
  } catch (thrown) {
    bulk.abandon();
    throw thrown;
  }
  return bulk;
}

/** Rollouts ended between two turns of the loop, so that nobody else's stream is held up when the need is met. */
const STOP_SLICE = 256;

/** A rollout that has not ended. */
interface Open {
  readonly handle: RolloutHandle;
  readonly leave: () => void;
  /** Output tokens and attempts that were there when it was submitted. */
  readonly before: Made;
}

/** `onRoom` is called when the caller has taken an ending. `need`: null runs all to their end. */
export function openBulk(parts: BulkParts, onRoom: () => void, need: Need | null = null): OpenBulk {
  const { fleet, clock, inFlight = LIMITS.manyInFlight } = parts;
  const tally = createTally(fleet, clock);
  const ended: Ending[] = [];
  const open = new Map<number, Open>();
  const needs = need && new NeedCount(need);
  let submitted = 0;
  let given = 0;
  let closed = false;
  let wake: (() => void) | null = null;
  let summary: ManySummary | null = null;

  const tell = (ending: Ending): void => {
    ended.push(ending);
    wake?.();
  };

  const failed = (index: number, id: string, job: string, thrown: unknown): PacelineError => {
    const error = PacelineError.from(thrown);
    needs?.ended(index, null, null);
    tally.failed();
    tell({ index, id, job, error });
    return error;
  };

  /** Null: it is over for this call already. */
  const close = (index: number): Open | null => {
    const one = open.get(index) ?? null;
    open.delete(index);
    one?.leave();
    return one;
  };

  const follow = (index: number, handle: RolloutHandle): void => {
    const { id, job } = handle;
    const { outputTokens, attempts } = handle.progress();
    open.set(index, {
      handle,
      leave: handle.attach("unary"),
      before: { outputTokens, attempts },
    });
    handle.result().then(
      (result) => {
        const one = close(index);
        if (one === null) return;
        tally.finished(result, one.before.outputTokens);
        tell({ index, id, job, result });
        if (needs === null) return;
        const { committedVersion } = parts.ledger.policy(result.policy);
        void stop(needs.ended(index, result, committedVersion));
      },
      (thrown: unknown) => {
        if (close(index) !== null) failed(index, id, job, thrown);
      },
    );
  };

  const stop = async (indices: readonly number[]): Promise<void> => {
    for (const [at, index] of indices.entries()) {
      if (at % STOP_SLICE === STOP_SLICE - 1) await turn();
      const one = open.get(index);
      if (one !== undefined) stopOne(index, one);
    }
  };

  const stopOne = (index: number, { handle, before }: Open): void => {
    const { id, job } = handle;
    const { outputTokens, attempts, state } = handle.progress();
    // Its Result comes.
    if (state === "finished") return;
    if (need?.partial === "keep") {
      // What cannot be kept has ended.
      if (!parts.rollouts.keep(job, id)) return;
      close(index);
      needs?.stopped(index, outputTokens, true);
      tally.kept({
        outputTokens: Math.max(0, outputTokens - before.outputTokens),
        attempts: attempts - before.attempts,
      });
      tell({ index, id, job, keptTokens: outputTokens });
      return;
    }
    const dropped = need?.partial === "drop";
    if (dropped) needs?.stopped(index, outputTokens, false);
    giveUp(parts.rollouts, { job, id }, "need", dropped);
  };

  const summarise = (): ManySummary => ({ ...tally.close(), need: needs?.summary() ?? null });

  const abandon = (): void => {
    closed = true;
    summary ??= summarise();
    for (const { leave } of [...open.values()]) leave();
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
        if (needs !== null) assertCountable(index);
        const handle = parts.rollouts.submit(rollout);
        needs?.asked(index, rollout);
        follow(index, handle);
        if (needs?.spare(index)) void stop([index]);
        return null;
      } catch (thrown) {
        return failed(index, rollout.id, rollout.job, thrown);
      }
    },
    refuse: (id, job, error) => failed(submitted++, id, job, error),
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
          summary = summarise();
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
