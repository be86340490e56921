/** From a gRPC status to one of our errors. */
import { type ServiceError, status } from "@grpc/grpc-js";
import { type ErrorCode, PacelineError } from "../../../server/contract/errors.ts";

const CODES: Partial<Record<status, ErrorCode>> = {
  [status.UNAVAILABLE]: "engine_unreachable",
  [status.RESOURCE_EXHAUSTED]: "overloaded",
  [status.INVALID_ARGUMENT]: "invalid_argument",
  [status.OUT_OF_RANGE]: "invalid_argument",
  [status.UNIMPLEMENTED]: "unsupported",
};

export function errorFromStatus(thrown: unknown): PacelineError {
  if (thrown instanceof PacelineError || !isServiceError(thrown)) return PacelineError.from(thrown);
  const { code, details } = thrown;
  const kind =
    code === status.INVALID_ARGUMENT && /max_(input|seq)_len|exceeds/.test(details)
      ? "prompt_too_long"
      : (CODES[code] ?? "engine_error");
  return new PacelineError(kind, `TensorRT-LLM: ${details}`, {
    details: { status: status[code] },
    cause: thrown,
  });
}

const isServiceError = (thrown: unknown): thrown is ServiceError =>
  thrown instanceof Error && "code" in thrown && typeof thrown.code === "number";
