/** What the two threads of an engine process say to each other. Plain data; arrays are transferred. */
import type { FaultBody, HeldBody, TelemetryBody } from "../../../adapters/embedded/wire.ts";
import type { ErrorBody } from "../../contract/errors.ts";
import type { CoreInfo, CoreRequest } from "../core.ts";
import type { CoreOptions } from "./options.ts";

/** Number of one reply stream, chosen by the HTTP thread; never used twice. */
export type Handle = number;

/** Calls that are answered once, between two steps. */
export type ComputeCall =
  | { readonly kind: "info" }
  | { readonly kind: "telemetry" }
  | { readonly kind: "abort"; readonly requestId: string }
  | { readonly kind: "pause"; readonly mode: "keep" | "retract" | "abort" }
  | { readonly kind: "resume" }
  | { readonly kind: "flush" }
  | { readonly kind: "dropCache"; readonly namespace: string }
  | { readonly kind: "sleep" }
  | { readonly kind: "wake" }
  | {
      readonly kind: "stage";
      readonly policy: string;
      readonly version: number;
      readonly path: string;
    }
  | {
      readonly kind: "swap";
      readonly policy: string;
      readonly version: number;
      readonly kv: "keep" | "drop";
    }
  | { readonly kind: "discard"; readonly policy: string; readonly version: number }
  | {
      readonly kind: "load";
      readonly policy: string;
      readonly version: number;
      readonly path: string;
      readonly kv: "keep" | "drop";
    }
  | { readonly kind: "relabel"; readonly policy: string; readonly version: number }
  | { readonly kind: "fault"; readonly fault: FaultBody };

export interface ComputeState {
  readonly paused: boolean;
  readonly asleep: boolean;
  readonly held: HeldBody | null;
}

/** What each call is answered with. */
export type ComputeAnswer =
  | ComputeState
  | TelemetryBody
  | { readonly aborted: boolean }
  | { readonly digest: string }
  | { readonly digest: string; readonly load: number }
  | HeldBody
  | Readonly<Record<string, never>>;

export type ToCompute =
  | {
      readonly type: "add";
      readonly handle: Handle;
      readonly policy: string;
      readonly streamInterval: number;
      readonly request: CoreRequest;
    }
  /** The reader is gone: end the request, send nothing more. */
  | { readonly type: "drop"; readonly handle: Handle }
  /** The reader is slow: keep its frames until `flow`. */
  | { readonly type: "hold"; readonly handle: Handle }
  | { readonly type: "flow"; readonly handle: Handle }
  | { readonly type: "call"; readonly call: number; readonly body: ComputeCall };

/** What follows the bytes of a record. */
export const AFTER = { more: 0, end: 1, destroy: 2 } as const;

export type FromCompute =
  | { readonly type: "ready"; readonly info: CoreInfo }
  | { readonly type: "failed"; readonly error: ErrorBody }
  | { readonly type: "refused"; readonly handle: Handle; readonly error: ErrorBody }
  /** All frames of one step. `records` is flat: handle, first byte, end byte, AFTER; in order per handle. */
  | { readonly type: "batch"; readonly bytes: ArrayBuffer; readonly records: readonly number[] }
  | { readonly type: "answer"; readonly call: number; readonly answer: ComputeAnswer }
  | { readonly type: "call_failed"; readonly call: number; readonly error: ErrorBody };

/** Given to the compute thread at its start. */
export interface ComputeData {
  /** Counts the batches that the HTTP thread has taken: one shared i32. */
  readonly taken: Int32Array<SharedArrayBuffer>;
  readonly options: CoreOptions;
}
