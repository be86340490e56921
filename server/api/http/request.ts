/** What handlers read of a request beside its body: parameters, query, Accept. Unknown fields are errors. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { ARROW_TYPE } from "../../arrow/rollout-stream.ts";
import { PacelineError } from "../../contract/errors.ts";
import type { Encoding } from "../../contract/schema.ts";
import { invalid } from "../codec/invalid.ts";
import { JSON_TYPE } from "./errors.ts";

export type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown;

export function param(request: FastifyRequest, name: string): string {
  const params = request.params;
  if (typeof params === "object" && params !== null) {
    const value: unknown = Reflect.get(params, name);
    if (typeof value === "string") return value;
  }
  throw new PacelineError("internal", `the route has no parameter ${name}`);
}

/** A version in a path: a whole number; anything else names no version. */
export function versionParam(request: FastifyRequest): number {
  const text = param(request, "version");
  const version = Number(text);
  if (!/^[0-9]{1,16}$/.test(text) || !Number.isSafeInteger(version)) {
    throw invalid("version", "must be a whole number");
  }
  return version;
}

/** The named query parameters that were given. Throws `invalid_argument` for any other, or for one given twice. */
export function query<const N extends string>(
  request: FastifyRequest,
  names: readonly N[],
): Partial<Record<N, string>> {
  const given: Partial<Record<N, string>> = {};
  const raw = request.query;
  if (typeof raw !== "object" || raw === null) return given;
  for (const [name, value] of Object.entries(raw)) {
    const known = names.find((candidate) => candidate === name);
    if (known === undefined) throw invalid(name, "unknown query parameter");
    if (typeof value !== "string") throw invalid(name, "may be given once only");
    given[known] = value;
  }
  return given;
}

export function wholeNumber(name: string, text: string, most = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text);
  if (!/^[0-9]{1,16}$/.test(text) || value > most) {
    throw invalid(name, `must be a whole number from 0 to ${most}`);
  }
  return value;
}

export function oneOf<const V extends string>(name: string, text: string, values: readonly V[]): V {
  const value = values.find((candidate) => candidate === text);
  if (value === undefined) throw invalid(name, `must be one of ${values.join(", ")}`);
  return value;
}

export const encodingOf = (text: string | undefined): Encoding =>
  text === undefined ? "json" : oneOf("encoding", text, ["json", "b64"]);

/** Refuses a body where none means anything. `{}` is none. */
export function noBody(request: FastifyRequest): void {
  const { body } = request;
  if (body === undefined || body === null) return;
  if (typeof body === "object" && Object.keys(body).length === 0) return;
  throw invalid("", "this call takes no body");
}

export type Wanted = "json" | "sse" | "ndjson" | "arrow";

export function accepts(request: FastifyRequest): Wanted {
  const { accept } = request.headers;
  if (accept === undefined || accept === "*/*" || accept === "application/json") return "json";
  if (accept.includes("text/event-stream")) return "sse";
  if (accept.includes("application/x-ndjson")) return "ndjson";
  if (accept.includes(ARROW_TYPE)) return "arrow";
  return "json";
}

/** Sequence number or offset after which a reader goes on, from `Last-Event-ID`; null where none was sent. */
export function lastEventId(request: FastifyRequest): number | null {
  const header = request.headers["last-event-id"];
  if (header === undefined || header === "") return null;
  return wholeNumber("last-event-id", String(header));
}

/** Sends JSON as it is: no serializer walks it. */
export function sendJson(reply: FastifyReply, json: string | Buffer, status = 200): FastifyReply {
  return reply.code(status).header("content-type", JSON_TYPE).send(json);
}
