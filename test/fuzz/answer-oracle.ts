/** What must hold of any answer, whatever was asked. */
import assert from "node:assert/strict";
import { ERRORS, type ErrorCode, type ErrorKind } from "../../server/contract/errors.ts";
import type { HttpAnswer } from "./http-exchange.ts";
import type { HttpInput } from "./http-input.ts";
import { UNKNOWN_FIELD } from "./json-mutation.ts";

/** An error of the closed table that says of itself what the table says, and is no defect of ours. */
export function assertTyped(given: unknown): ErrorKind {
  assert.ok(typeof given === "object" && given !== null, "an error is an object");
  const { code, boundary, retryable, message } = given as Record<string, unknown>;
  assert.ok(
    typeof code === "string" && Object.hasOwn(ERRORS, code),
    `unknown code ${String(code)}`,
  );
  const kind = ERRORS[code as ErrorCode];
  assert.notEqual(code, "internal", `a defect: ${String(message)}`);
  assert.deepEqual({ boundary, retryable }, { boundary: kind.boundary, retryable: kind.retryable });
  assert.ok(typeof message === "string" && message.length < 20_000, "a message that can be read");
  return kind;
}

export function assertHttpAnswer(input: HttpInput, answer: HttpAnswer): void {
  const { status, type, body, whole } = answer;
  if (status >= 400) {
    if (input.method === "HEAD") return;
    assert.match(type, /^application\/json/, `a ${status} of ${type}`);
    assert.ok(whole, "an error is a whole reply");
    const kind = assertTyped((JSON.parse(body) as { error: unknown }).error);
    assert.equal(status, kind.http, body);
    return;
  }
  assert.ok(status === 200 || status === 202, `status ${status}`);
  const reason = mustRefuse(input);
  assert.equal(reason, null, `${status} for ${reason}: ${body.slice(0, 300)}`);
  if (input.method === "HEAD" || body === "") return;
  if (type.startsWith("application/json")) {
    const json: unknown = JSON.parse(body);
    assert.ok(typeof json === "object" && json !== null && !("error" in json), "an error in a 200");
  } else if (type.startsWith("text/event-stream")) {
    assert.doesNotMatch(body, /^event: error/, "an error before anything else");
  } else if (type.startsWith("application/x-ndjson")) {
    const lines = body.split("\n").slice(0, whole ? undefined : -1);
    for (const line of lines) if (line !== "") assertLine(JSON.parse(line));
  }
}

function assertLine(line: unknown): void {
  assert.ok(typeof line === "object" && line !== null);
  if ("error" in line && "id" in line) assertTyped(line.error);
  else assert.ok(!("error" in line), "the whole call's error in a 200");
}

/** Why this body may not be taken, as far as that can be said without the schema. */
function mustRefuse({ body, headers, method }: HttpInput): string | null {
  if (body === null || body.length === 0) return null;
  if (method === "GET" || method === "HEAD") return null;
  if (!headers["content-type"]?.startsWith("application/json")) return "a foreign content type";
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body));
  } catch {
    return "what is no JSON in UTF-8";
  }
  return strays(json) ? "an unknown field" : null;
}

/** Whether an object of the contract holds what no contract has; what is free-form inside may. */
function strays(json: unknown): boolean {
  if (typeof json !== "object" || json === null) return false;
  if (Array.isArray(json)) return json.some(strays);
  return Object.entries(json).some(
    ([key, value]) =>
      key === UNKNOWN_FIELD ||
      key === "__proto__" ||
      (key !== "engine" && key !== "structured" && strays(value)),
  );
}
