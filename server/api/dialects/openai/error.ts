/**
 * Errors as OpenAI's API and vLLM write them: `{"error": {message, type, param, code}}`. `code` is the status; ours is
 * beside it in `paceline`, which no client minds.
 */
import type { PacelineError } from "../../../contract/errors.ts";
import type { DialectError } from "../dialect.ts";

/** Names that vLLM gives its statuses. */
const VLLM_TYPES: Readonly<Record<number, string>> = {
  400: "BadRequestError",
  401: "AuthenticationError",
  403: "PermissionDeniedError",
  404: "NotFoundError",
  409: "ConflictError",
  422: "UnprocessableEntityError",
  429: "RateLimitError",
  501: "NotImplementedError",
  503: "ServiceUnavailableError",
};

/** vLLM answers 400 for a prompt that is too long and 500 for whatever its engine did. */
function vllmStatus({ code, kind }: PacelineError): number {
  if (code === "prompt_too_long" || code === "side_data_too_large") return 400;
  return kind.http === 502 || kind.http === 504 ? 500 : kind.http;
}

/**
 * NeMo Gym sends 429, 502, 503, 504 and 520 again without end, 500 a few times and 409 never: nothing that can serve is
 * 409, so that the rollout fails at once; a failure that another try may not meet is 500.
 */
const NOTHING_SERVES: ReadonlySet<PacelineError["code"]> = new Set([
  "no_eligible_worker",
  "version_unavailable",
  "shutting_down",
]);

function gymStatus(error: PacelineError): number {
  if (NOTHING_SERVES.has(error.code)) return 409;
  const status = vllmStatus(error);
  return status === 429 || status > 501 ? 500 : status;
}

export const vllmError = (error: PacelineError): DialectError => {
  const status = vllmStatus(error);
  return written(error, status, VLLM_TYPES[status] ?? "InternalServerError");
};

export const openaiError = (error: PacelineError): DialectError => {
  const status = gymStatus(error);
  const type = status === 400 || status === 422 ? "invalid_request_error" : VLLM_TYPES[status];
  return written(error, status, type ?? "InternalServerError");
};

function written(error: PacelineError, status: number, type: string): DialectError {
  const { path } = error.details;
  const { code, retryable, details, kept } = error.toBody();
  const body = {
    error: {
      message: error.message,
      type,
      param: typeof path === "string" && path !== "" ? path : null,
      code: status,
      paceline: { code, retryable, details, ...(kept === undefined ? {} : { kept }) },
    },
  };
  return { status, body: JSON.stringify(body) };
}

/** Of a stream that has begun. */
export const errorChunk = ({ body }: DialectError): string => `data: ${body}\n\ndata: [DONE]\n\n`;
