/** Errors over gRPC: the table's status, and the Error message in the trailer `paceline-error-bin`. */
import { Metadata, status } from "@grpc/grpc-js";
import { paceline } from "../../../proto/gen/paceline.js";
import { ERRORS, type ErrorCode, PacelineError } from "../../contract/errors.ts";
import { structFromJson } from "./struct.ts";
import { BOUNDARY, ERROR_CODE } from "./words.ts";

export const ERROR_TRAILER = "paceline-error-bin";

export interface ErrorStatus {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
}

export function statusOf(thrown: unknown): ErrorStatus {
  const error = PacelineError.from(thrown);
  const message = paceline.v1.Error.encode(errorToProto(error)).finish();
  const metadata = new Metadata();
  metadata.set(ERROR_TRAILER, Buffer.from(message));
  return { code: codeOf(error.kind.grpc), details: `${error.code}: ${error.message}`, metadata };
}

export function errorToProto(error: PacelineError): paceline.v1.Error.$Properties {
  const body = error.toBody();
  return {
    code: ERROR_CODE.number(body.code),
    boundary: BOUNDARY.number(body.boundary),
    message: body.message,
    retryable: body.retryable,
    retry_after_ms: body.retry_after_ms ?? null,
    details: structFromJson(body.details),
    kept: body.kept ?? null,
  };
}

/** The code of an error that `statusOf` put into a trailer. */
export function codeInTrailer(trailer: Uint8Array): ErrorCode {
  const word = ERROR_CODE.word(paceline.v1.Error.decode(trailer).code);
  return typeof word === "string" && word in ERRORS ? (word as ErrorCode) : "internal";
}

const CODES: Readonly<Record<string, string | status>> = status;

function codeOf(name: string): status {
  const code = CODES[name];
  return typeof code === "number" ? code : status.INTERNAL;
}
