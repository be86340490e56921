/** What the coordinator tells telemetry. */
import type { PacelineError } from "../../contract/errors.ts";
import type { WorkerPhase } from "../publisher.ts";

/** `paceline_weight_update_seconds{phase}`. */
export type UpdatePhase =
  | "digest"
  | "stage"
  | "commit"
  | "gate"
  | "pause"
  | "swap"
  /** A foreign mover's: from the gate to its claim. */
  | "move"
  | "verify"
  | "canary"
  | "resume";

interface About {
  readonly policy: string;
  readonly version: number;
}

export type UpdateEvent =
  /** One step is over, well or not. `digest` and `commit` concern no single worker. */
  | {
      readonly type: "phase";
      readonly policy: string;
      readonly phase: UpdatePhase;
      readonly worker: string | null;
      readonly seconds: number;
      readonly ok: boolean;
    }
  /** Generation stood still on this worker: `paceline_generation_pause_seconds`. */
  | ({ readonly type: "pause"; readonly worker: string; readonly seconds: number } & About)
  | ({
      readonly type: "worker";
      readonly worker: string;
      readonly phase: WorkerPhase;
      readonly reason: string | null;
    } & About)
  /** Something went wrong that no caller waits for. */
  | ({ readonly type: "trouble"; readonly error: PacelineError } & About);

export type ObserveUpdates = (event: UpdateEvent) => void;
