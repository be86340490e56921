/** One line for each control call: who asked for what, of what, and how it ended. */
import type { ErrorCode } from "../../contract/errors.ts";

export interface ControlCall {
  /** Name of the token, never the token; null where there was no valid one. */
  readonly who: string | null;
  /** Name of the call, as the route or method table has it. */
  readonly call: string;
  /** What it is about: `{id: "w-1"}`. */
  readonly target: Readonly<Record<string, string>>;
  /** `disconnected`: the caller left before it was answered; the work may have been done. */
  readonly outcome: "ok" | "disconnected" | ErrorCode;
  /** Address of the other end of the connection. */
  readonly peer: string;
  readonly ms: number;
}

export type Audit = (call: ControlCall) => void;
