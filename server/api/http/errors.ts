/**
 * Whatever goes wrong becomes one of the table's errors: ours as they are, fastify's and Node's by
 * their codes, anything else as a defect. The table decides the status, never the place that throws.
 */
import { ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { FastifyReply } from "fastify";
import { PacelineError } from "../../contract/errors.ts";
import { LIMITS } from "../../limits.ts";
import { encodeError } from "../codec/error.ts";

export const JSON_TYPE = "application/json; charset=utf-8";

type Translate = (message: string) => PacelineError;

const badRequest: Translate = (message) => new PacelineError("invalid_argument", message);

/** fastify's and Node's errors that a client can cause. */
const FASTIFY: Readonly<Record<string, Translate>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () =>
    new PacelineError("prompt_too_long", `the body exceeds ${LIMITS.bodyBytes} bytes`, {
      details: { limit_bytes: LIMITS.bodyBytes },
    }),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () =>
    new PacelineError("invalid_argument", "send the body as content-type: application/json", {
      details: { header: "content-type" },
    }),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: badRequest,
  FST_ERR_BAD_URL: badRequest,
  // A target that is no path, such as `*`, reaches no handler of ours.
  FST_ERR_NOT_FOUND: () => new PacelineError("not_found", "the request's target is no path"),
  // Of the request's own socket: what calls engines tells of theirs in errors of the table.
  ECONNRESET: () => new PacelineError("cancelled", "the caller went away inside its body"),
  FST_ERR_MAX_PARAM_LENGTH: () =>
    new PacelineError("not_found", `no id is longer than ${LIMITS.idChars} characters`),
};

/** Node's errors on a connection whose request never became one. */
const CONNECTION: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: "the request did not arrive in time",
  HPE_HEADER_OVERFLOW: "the headers are too many or too large",
};

export function toPacelineError(thrown: unknown): PacelineError {
  if (thrown instanceof PacelineError) return thrown;
  const code = errorCode(thrown);
  const translate = code === undefined ? undefined : FASTIFY[code];
  return translate === undefined
    ? PacelineError.from(thrown)
    : translate(thrown instanceof Error ? thrown.message : String(thrown));
}

/** Name of a Node or fastify error, `FST_ERR_…` or `ERR_…`. */
function errorCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" ? thrown.code : undefined;
}

export function sendError(reply: FastifyReply, error: PacelineError): void {
  reply.code(error.kind.http).header("content-type", JSON_TYPE);
  if (error.retryAfterMs !== undefined) {
    reply.header("retry-after", Math.ceil(error.retryAfterMs / 1000));
  }
  if (error.code === "unauthenticated") reply.header("www-authenticate", 'Bearer realm="paceline"');
  const { allow } = error.details;
  if (error.code === "method_not_allowed" && Array.isArray(allow)) {
    reply.header("allow", allow.join(", "));
  }
  reply.send(encodeError(error));
}

/** Answers what is not HTTP, or came too slowly, on the bare socket, and closes it. */
export function answerClientError(thrown: Error, socket: Socket): void {
  const code = errorCode(thrown);
  if (code === "ECONNRESET" || socket.destroyed) return;
  // No handshake, no answer: there is nothing that the other end could read it with.
  if (socket instanceof TLSSocket && socket.getCipher() === undefined) {
    socket.destroy();
    return;
  }
  // Node keeps the reply in progress here and has no public way to ask; a second one must not be mixed into it.
  const current: unknown = Reflect.get(socket, "_httpMessage");
  if (!socket.writable || (current instanceof ServerResponse && current.headersSent)) {
    socket.destroy();
    return;
  }
  const reason = (code && CONNECTION[code]) ?? "this is not an HTTP/1.1 request";
  const error = new PacelineError("invalid_argument", reason, { details: { reason: code } });
  const body = encodeError(error);
  const status = error.kind.http;
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: ${JSON_TYPE}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
