/** The rollout that a journey belongs to. */
import type { PacelineError } from "../contract/errors.ts";
import type { FinishReason, Rollout } from "../contract/rollout.ts";
import type { Output } from "./output.ts";
import type { RolloutEvent } from "./service.ts";
import type { RolloutText } from "./text.ts";
import type { Timeline } from "./timeline.ts";

/** What a journey needs of it, and tells it. */
export interface Traveller {
  readonly key: string;
  readonly rollout: Rollout;
  /** Clock time. */
  readonly acceptedAt: number;
  readonly output: Output;
  /** What of `output` is asked for while it waits, when there may be none yet. */
  readonly outputTokens: number;
  readonly firstVersion: number | null;
  readonly lastVersion: number | null;
  readonly timeline: Timeline;
  readonly text: RolloutText;
  /** Somebody waits for each token as it comes. */
  readonly watched: boolean;
  /** Whether it was found too old by now, and its attempt ended for it (`infeasible.ts`). */
  overdue(): boolean;
  emit(event: RolloutEvent): void;
  arrived(reason: FinishReason): void;
  failed(error: PacelineError): void;
}
