/**
 * What a fake does wrong, on command. Faults are armed in order and strike the calls that follow, one each; a fault
 * with `route` strikes calls of that route only, one without strikes generations.
 */

/** Before anything is computed. */
const ARRIVAL_FAULTS = [
  /** Answers `status` (default 503) with the wire's own error body. */
  "status",
  /** Takes the call and never answers it. */
  "hang",
  /** Closes the connection without an answer, as a keep-alive that ran out does. */
  "reset",
  /** 200 with the wire's error body in it. */
  "error_inside",
  /** 200 with something that is no JSON. */
  "not_json",
] as const;

/** In what is told of the tokens, from `afterTokens` on. */
const CONTENT_FAULTS = [
  /** The reply names another request. */
  "other_id",
  /** One chunk comes twice, not at all, or after the one behind it. Of streams; in one piece, tokens do. */
  "repeat",
  "skip",
  "reorder",
  /** Tokens behind the finish. */
  "past_end",
  /** The last tokens are told to be of an older version; all of them of none; of one beyond 2^53. */
  "versions_back",
  "version_default",
  "version_huge",
  /** The last span ends one token early. */
  "spans_short",
  "null_logprob",
  "nan_logprob",
  /** vLLM's floor: -9999. */
  "floor_logprob",
  /** One logprob fewer than tokens. */
  "misaligned",
  /** A token id beyond 2^53. */
  "huge_id",
  /** Every object of the reply has a field more, which holds all kinds of values. */
  "unknown_fields",
] as const;

/** In the bytes of the reply, once `afterTokens` tokens are out (in one piece: half the body). */
const BYTE_FAULTS = [
  /** Cuts the connection. */
  "die",
  /** Ends the body there, properly. */
  "truncate",
  /** A piece that is no JSON, then it goes on. */
  "malformed",
  /** Sends nothing more, and keeps the connection. */
  "stall",
  /** Every byte by itself. */
  "dribble",
  /** All tokens, but neither a finish nor the terminator. */
  "unfinished",
  /** The whole server is gone. */
  "exit",
] as const;

export type ContentFault = (typeof CONTENT_FAULTS)[number];
export type FaultKind =
  | (typeof ARRIVAL_FAULTS)[number]
  | ContentFault
  | (typeof BYTE_FAULTS)[number];

export const FAULT_KINDS: readonly FaultKind[] = [
  ...ARRIVAL_FAULTS,
  ...CONTENT_FAULTS,
  ...BYTE_FAULTS,
];

export interface FaultOptions {
  /** Calls that it strikes; default 1. */
  readonly count?: number;
  /** Default 0: at the first tokens. */
  readonly afterTokens?: number;
  /** Of `status`; default 503. */
  readonly status?: number;
  /** `"POST /pause"`; default: generations. */
  readonly route?: string;
}

export interface Fault {
  readonly kind: FaultKind;
  readonly afterTokens: number;
  readonly status: number;
}

export interface Faults {
  arm(kind: FaultKind, options?: FaultOptions): void;
  /** Forgets all that is armed. */
  clear(): void;
  /** The one that strikes this call. */
  take(route: string, generates: boolean): Fault | null;
}

export function createFaults(): Faults {
  let armed: { fault: Fault; left: number; route: string | null }[] = [];
  return {
    arm(kind, { count = 1, afterTokens = 0, status = 503, route } = {}) {
      armed.push({ fault: { kind, afterTokens, status }, left: count, route: route ?? null });
    },
    clear() {
      armed = [];
    },
    take(route, generates) {
      const found = armed.find((one) => one.route === route || (one.route === null && generates));
      if (found === undefined) return null;
      found.left -= 1;
      if (found.left <= 0) armed = armed.filter((one) => one !== found);
      return found.fault;
    },
  };
}

const CONTENT: ReadonlySet<FaultKind> = new Set<FaultKind>(CONTENT_FAULTS);

export const isContentFault = (kind: FaultKind): kind is ContentFault => CONTENT.has(kind);
