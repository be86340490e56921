/**
 * Every error that Paceline answers, in one closed table. A code decides the boundary, the HTTP and
 * gRPC statuses and whether a retry can help; nothing else does. `docs/errors.md` is generated from it.
 */
export type Boundary =
  | "client"
  | "admission"
  | "routing"
  | "engine"
  | "weights"
  | "feed"
  | "store"
  | "internal";

export interface ErrorKind {
  boundary: Boundary;
  http: number;
  /** Name in grpc-js's `status`. */
  grpc: string;
  retryable: boolean;
  meaning: string;
}

const kind = (
  boundary: Boundary,
  http: number,
  grpc: string,
  retryable: boolean,
  meaning: string,
): ErrorKind => ({ boundary, http, grpc, retryable, meaning });

export const ERRORS = {
  invalid_argument: kind(
    "client",
    400,
    "INVALID_ARGUMENT",
    false,
    "A field is missing, of the wrong type, out of range or unknown; `details.path` names it.",
  ),
  unsupported: kind(
    "client",
    422,
    "UNIMPLEMENTED",
    false,
    "No engine that may serve this can honour what was asked; it is never dropped silently.",
  ),
  unimplemented: kind(
    "client",
    501,
    "UNIMPLEMENTED",
    false,
    "The call is part of the public surface but this release does not serve it.",
  ),
  unauthenticated: kind(
    "client",
    401,
    "UNAUTHENTICATED",
    false,
    "A token is needed and none, or a wrong one, was given.",
  ),
  permission_denied: kind(
    "client",
    403,
    "PERMISSION_DENIED",
    false,
    "The token's scope or job does not allow this call.",
  ),
  not_found: kind(
    "client",
    404,
    "NOT_FOUND",
    false,
    "No such rollout, job, worker, policy or version is known, or its result has expired.",
  ),
  expired: kind(
    "client",
    410,
    "NOT_FOUND",
    false,
    "What the reference names was kept as long as its Result and is not kept any more.",
  ),
  method_not_allowed: kind(
    "client",
    405,
    "UNIMPLEMENTED",
    false,
    "The path exists but not for this method; `details.allow` lists those that do.",
  ),
  conflict: kind("client", 409, "ABORTED", false, "The id is taken by another body."),
  prompt_too_long: kind(
    "client",
    413,
    "INVALID_ARGUMENT",
    false,
    "Prompt and limits exceed what any eligible worker can hold, or the body exceeds the limit.",
  ),
  range_not_satisfiable: kind(
    "client",
    416,
    "OUT_OF_RANGE",
    false,
    "The bytes that were asked for lie behind the end; `details.bytes` says where that is.",
  ),
  side_data_too_large: kind(
    "client",
    413,
    "OUT_OF_RANGE",
    false,
    "What was wanted beside the tokens exceeds the limit of one rollout; nothing of it is cut.",
  ),
  overloaded: kind(
    "admission",
    429,
    "RESOURCE_EXHAUSTED",
    true,
    "A bound that all share is reached; nothing was done.",
  ),
  quota_exceeded: kind(
    "admission",
    429,
    "RESOURCE_EXHAUSTED",
    true,
    "The job's or the token's own limit is reached; nothing was done.",
  ),
  no_eligible_worker: kind(
    "routing",
    503,
    "UNAVAILABLE",
    true,
    "No worker can take this rollout now; `details.reason` says why.",
  ),
  version_unavailable: kind(
    "routing",
    503,
    "FAILED_PRECONDITION",
    true,
    "No worker proved a version that the constraint allows.",
  ),
  version_conflict: kind(
    "weights",
    409,
    "ABORTED",
    false,
    "The version is not in the state that this call needs.",
  ),
  run_fenced: kind("weights", 409, "FAILED_PRECONDITION", false, "A newer run owns the policy."),
  deadline_exceeded: kind(
    "client",
    504,
    "DEADLINE_EXCEEDED",
    true,
    "The caller's deadline passed.",
  ),
  cancelled: kind("client", 499, "CANCELLED", false, "The caller went away or aborted."),
  misaligned: kind(
    "engine",
    502,
    "DATA_LOSS",
    true,
    "The engine's tokens and logprobs do not match one to one, or a logprob is not a number.",
  ),
  not_resumable: kind(
    "engine",
    502,
    "ABORTED",
    true,
    "The rollout lost its worker and cannot rightly continue elsewhere.",
  ),
  engine_error: kind(
    "engine",
    502,
    "INTERNAL",
    true,
    "The engine answered with an error or broke its protocol.",
  ),
  engine_unreachable: kind("engine", 503, "UNAVAILABLE", true, "The engine does not answer."),
  weights_rejected: kind(
    "weights",
    422,
    "FAILED_PRECONDITION",
    false,
    "The weights cannot be read or do not fit the model.",
  ),
  digest_mismatch: kind(
    "weights",
    409,
    "DATA_LOSS",
    false,
    "What a worker loaded is not what was published.",
  ),
  commit_aborted: kind(
    "weights",
    409,
    "ABORTED",
    true,
    "The version was not committed; the old one still serves.",
  ),
  lease_lost: kind(
    "feed",
    409,
    "FAILED_PRECONDITION",
    true,
    "The lease has lapsed or was never this incarnation's.",
  ),
  store_unavailable: kind(
    "store",
    503,
    "UNAVAILABLE",
    true,
    "State that must survive could not be written; the call had no effect.",
  ),
  spool_full: kind(
    "store",
    507,
    "RESOURCE_EXHAUSTED",
    true,
    "The spool's room, or its disk, is used up; what did not fit was not kept.",
  ),
  shutting_down: kind(
    "admission",
    503,
    "UNAVAILABLE",
    true,
    "The server drains and takes nothing new.",
  ),
  internal: kind("internal", 500, "INTERNAL", false, "A defect in Paceline."),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

export interface ErrorOptions {
  details?: Record<string, unknown>;
  retryAfterMs?: number;
  kept?: { output_tokens: number };
  cause?: unknown;
}

/** The body of every error reply: `{"error": …}` on HTTP, the Error message in a gRPC trailer. */
export interface ErrorBody {
  code: ErrorCode;
  boundary: Boundary;
  message: string;
  retryable: boolean;
  retry_after_ms?: number;
  details: Record<string, unknown>;
  kept?: { output_tokens: number };
}

export class PacelineError extends Error {
  readonly code: ErrorCode;
  readonly details: Record<string, unknown>;
  readonly retryAfterMs: number | undefined;
  readonly kept: { output_tokens: number } | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "PacelineError";
    this.code = code;
    this.details = options.details ?? {};
    this.retryAfterMs = options.retryAfterMs;
    this.kept = options.kept;
  }

  get kind(): ErrorKind {
    return ERRORS[this.code];
  }

  /** Anything thrown becomes one of ours; what is not ours is a defect and says so. */
  static from(thrown: unknown): PacelineError {
    if (thrown instanceof PacelineError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new PacelineError("internal", message, { cause: thrown });
  }

  toBody(): ErrorBody {
    const { boundary, retryable } = this.kind;
    return {
      code: this.code,
      boundary,
      message: this.message,
      retryable,
      ...(this.retryAfterMs === undefined ? {} : { retry_after_ms: this.retryAfterMs }),
      details: this.details,
      ...(this.kept === undefined ? {} : { kept: this.kept }),
    };
  }
}
