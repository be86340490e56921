/** Many rollouts and groups a call. Who leaves one leaves all that it had not been told of. */
import type { ClientDuplexStream } from "@grpc/grpc-js";
import { paceline } from "../../proto/gen/paceline.js";
import { decodeError } from "../../server/api/codec/error.ts";
import { decodeResult } from "../../server/api/codec/result.ts";
import { BOUNDARY, ERROR_CODE } from "../../server/api/grpc/words.ts";
import { readArrow } from "../support/arrow-rows.ts";
import { encodeMessage } from "../support/grpc-client.ts";
import { resultFromProto } from "../support/grpc-messages.ts";
import { resultOfRow } from "./arrow-result.ts";
import type { Body } from "./evidence.ts";
import { type Entry, endingOf } from "./journal.ts";
import { ARROW, type Client } from "./single-calls.ts";

const { v1 } = paceline;
type ManyReply = InstanceType<typeof v1.ManyReply>;
type Fields = Readonly<Record<string, unknown>>;

const LEAVES = 10;
const PATIENCE_MS = 900;

/** Opens an account for each, and closes those that `call` leaves open: left, or lost. */
async function logged(
  client: Client,
  way: string,
  bodies: readonly Body[],
  call: (entries: ReadonlyMap<string, Entry>, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { draw, journal } = client;
  const entries = new Map(bodies.map((body) => [body.id, journal.open(way, body)]));
  const leaving = new AbortController();
  const timer = draw.once(LEAVES)
    ? setTimeout(() => leaving.abort(), draw.below(PATIENCE_MS))
    : undefined;
  let thrown: unknown = new Error("the reply did not mention it");
  try {
    await call(entries, leaving.signal);
  } catch (error) {
    thrown = error;
  }
  clearTimeout(timer);
  for (const entry of entries.values()) {
    if (entry.account.ending === null) entry.threw(thrown, leaving.signal.aborted);
  }
}

function closeWith(
  entries: ReadonlyMap<string, Entry>,
  id: unknown,
  read: () => Entry["account"]["ending"],
): void {
  const entry = entries.get(String(id));
  if (entry === undefined) throw new Error(`a rollout that nobody sent: ${id}`);
  // A second ending under one id is kept: the checker must see it.
  if (entry.account.ending !== null) throw new Error(`${id} was answered twice`);
  const ending = read();
  if (ending !== null) entry.ends(ending);
}

/** A line: a Result or `{id, job, error}`. */
function closeLine(entries: ReadonlyMap<string, Entry>, line: Fields): void {
  closeWith(entries, line["id"], () =>
    attempt(() => {
      if (line["error"] !== undefined) throw decodeError({ error: line["error"] });
      return decodeResult(line);
    }),
  );
}

function attempt(
  read: () => ReturnType<typeof decodeResult>,
): NonNullable<Entry["account"]["ending"]> {
  try {
    return { type: "result", result: read() };
  } catch (thrown) {
    return endingOf(thrown);
  }
}

export function manyLines(client: Client, bodies: readonly Body[]): Promise<void> {
  return logged(client, "many", bodies, async (entries, signal) => {
    const body = { rollouts: bodies };
    const reply = await client.http.call("POST", "/v1/rollouts/many", { body, signal });
    if (reply.status !== 200) throw decodeError(reply.json());
    const lines = reply.text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Fields);
    const last = lines.pop();
    for (const line of lines) closeLine(entries, line);
    if (last?.["summary"] === undefined) throw new Error("no summary");
  });
}

export function manyArrow(client: Client, bodies: readonly Body[]): Promise<void> {
  return logged(client, "many arrow", bodies, async (entries, signal) => {
    const body = { rollouts: bodies };
    const headers = { accept: ARROW };
    const reply = await client.http.call("POST", "/v1/rollouts/many", { body, headers, signal });
    if (reply.status !== 200) throw decodeError(reply.json());
    const { rows, metadata } = readArrow(reply.bytes);
    for (const row of rows) closeWith(entries, row["id"], () => attempt(() => resultOfRow(row)));
    if (metadata["summary"] === undefined) throw new Error("no summary");
  });
}

export function generateMany(client: Client, bodies: readonly Body[]): Promise<void> {
  return logged(client, "grpc many", bodies, async (entries, signal) => {
    const call: ClientDuplexStream<Buffer, ManyReply> = client.grpc.raw.makeBidiStreamRequest(
      "/paceline.v1.RolloutService/GenerateMany",
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => v1.ManyReply.decode(bytes),
    );
    signal.addEventListener("abort", () => call.cancel(), { once: true });
    for (const body of bodies) call.write(encodeMessage("Rollout", body));
    call.end();
    let summary = false;
    for await (const { result, error, summary: last } of call as AsyncIterable<ManyReply>) {
      if (result != null)
        closeWith(entries, result.id, () => attempt(() => resultFromProto(result)));
      else if (error != null) {
        const { code, boundary, message, retryable } = error.error ?? {};
        const words = { code: ERROR_CODE.word(code), boundary: BOUNDARY.word(boundary) };
        const thrown = decodeError({ ...words, message, retryable, details: {} });
        closeWith(entries, error.id, () => endingOf(thrown));
      } else summary ||= last != null;
    }
    if (!summary) throw new Error("no summary");
  });
}

/** `body.id` names the group. */
export function group(client: Client, body: Body, arrow: boolean): Promise<void> {
  const { draw, http } = client;
  const size = draw.between(2, 6);
  const need = draw.once(2) ? draw.between(1, size) : size;
  const siblings = Array.from({ length: size }, (_, index) => ({
    ...body,
    id: `${body.id}.${index}`,
    group: { id: body.id, size, index },
  }));
  return logged(client, arrow ? "group arrow" : "group", siblings, async (entries, signal) => {
    const options = { body: { ...body, size, need }, signal };
    const headers = { accept: arrow ? ARROW : "application/json" };
    const reply = await http.call("POST", "/v1/groups", { ...options, headers });
    if (reply.status !== 200) throw decodeError(reply.json());
    if (arrow) {
      for (const row of readArrow(reply.bytes).rows)
        closeWith(entries, row["id"], () => attempt(() => resultOfRow(row)));
      return;
    }
    const { rollouts } = reply.json() as { readonly rollouts: readonly Fields[] };
    for (const line of rollouts) closeLine(entries, line);
  });
}
