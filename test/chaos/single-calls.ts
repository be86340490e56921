/** One rollout a call, over each transport, with clients that leave, abort, come back and ask again. */
import { setTimeout as sleep } from "node:timers/promises";
import { decodeError } from "../../server/api/codec/error.ts";
import { createEventReader } from "../../server/api/codec/event-reader.ts";
import type { Result } from "../../server/contract/result.ts";
import { readArrow } from "../support/arrow-rows.ts";
import type { GrpcClient } from "../support/grpc-client.ts";
import type { HttpClient } from "../support/http-client.ts";
import { resultOfRow } from "./arrow-result.ts";
import type { Draw } from "./bodies.ts";
import type { Account, Body } from "./evidence.ts";
import type { Entry, Journal } from "./journal.ts";

export const ARROW = "application/vnd.apache.arrow.stream";

export interface Client {
  readonly http: HttpClient;
  readonly grpc: GrpcClient;
  readonly journal: Journal;
  readonly draw: Draw;
}

type Generate = (client: Client, body: Body, signal: AbortSignal) => Promise<Result>;

export const GENERATE = {
  json: ({ http }, body, signal) => http.generate(body, signal),
  b64: ({ http }, { prompt_token_ids: ids, ...body }, signal) => {
    const prompt = Buffer.from(Uint32Array.from(ids).buffer).toString("base64");
    return http.generate({ ...body, prompt_token_ids: prompt, encoding: "b64" }, signal);
  },
  arrow: async ({ http }, body, signal) => {
    const headers = { accept: ARROW };
    const reply = await http.call("POST", "/v1/rollouts", { body, headers, signal });
    if (reply.status !== 200) throw decodeError(reply.json());
    return resultOfRow(readArrow(reply.bytes).rows[0] ?? {});
  },
  grpc: ({ grpc }, body, signal) => grpc.generate(body, signal),
} as const satisfies Record<string, Generate>;

/** Longer than a rollout of the load lasts in a calm fleet, so that some leave and some stay. */
const PATIENCE_MS = 600;

/** Runs `call` to its end, or leaves it after a while once in `leaves`. */
async function logged(
  client: Client,
  way: string,
  body: Body,
  leaves: number | null,
  call: (entry: Entry, signal: AbortSignal) => Promise<void>,
): Promise<Account> {
  const { draw, journal } = client;
  const entry = journal.open(way, body);
  const leaving = new AbortController();
  const timer =
    leaves !== null && draw.once(leaves)
      ? setTimeout(() => leaving.abort(), draw.below(PATIENCE_MS))
      : undefined;
  try {
    await call(entry, leaving.signal);
  } catch (thrown) {
    entry.threw(thrown, leaving.signal.aborted);
  } finally {
    clearTimeout(timer);
  }
  return entry.account;
}

export async function unary(
  client: Client,
  way: keyof typeof GENERATE,
  body: Body,
  leaves: number | null = 12,
): Promise<Account> {
  return logged(client, way, body, leaves, async (entry, signal) =>
    entry.result(await GENERATE[way](client, body, signal)),
  );
}

/** Aborts after a while; the abort has an account of its own. */
export async function abortLater(client: Client, body: Body, by: "http" | "grpc"): Promise<void> {
  await sleep(client.draw.below(PATIENCE_MS));
  await logged(client, `abort ${by}`, body, null, async (entry) =>
    entry.result(await client[by].abort(body.job, body.id)),
  );
}

/** Asks for what has ended once more: the Result must be the same. */
export async function getAgain(client: Client, body: Body, by: "http" | "grpc"): Promise<void> {
  await logged(client, `get ${by}`, body, null, async (entry) => {
    const answer = await client[by].get(body.job, body.id);
    if ("result" in answer) entry.result(answer.result);
    else entry.ends({ type: "left" });
  });
}

export async function grpcStream(client: Client, body: Body): Promise<Account> {
  return logged(client, "grpc stream", body, 12, async (entry, signal) => {
    for await (const { seq, event } of client.grpc.stream(body, signal)) {
      entry.event(seq, event);
      if (event.type === "finished") entry.result(event.result);
    }
    assertOver(entry);
  });
}

/** Reads some events, goes away, and comes back with the last event's id, until the end. */
export async function sseStream(client: Client, body: Body, resumes: boolean): Promise<Account> {
  const { http, draw } = client;
  const reader = createEventReader();
  let last: string | null = null;
  const read = async (
    entry: Entry,
    stream: ReturnType<HttpClient["sse"]>,
    most: number,
  ): Promise<void> => {
    let count = 0;
    for await (const { id, event: name, data } of stream) {
      if (name === ":") continue;
      const event = reader.read(name, data);
      last = id;
      entry.event(Number(id), event);
      if (event.type === "error") throw event.error;
      if (event.type === "finished") entry.result(event.result);
      else if (++count >= most) return;
    }
  };
  return logged(
    client,
    resumes ? "sse resumed" : "sse",
    body,
    resumes ? null : 12,
    async (entry, signal) => {
      const most = (): number => (resumes ? draw.between(1, 12) : Number.POSITIVE_INFINITY);
      await read(entry, http.sse("POST", "/v1/rollouts", { body, signal }), most());
      while (resumes && entry.account.ending === null) {
        await sleep(draw.below(300));
        const headers: Record<string, string> = last === null ? {} : { "last-event-id": last };
        const path = `/v1/rollouts/${body.id}?job=${body.job}`;
        await read(entry, http.sse("GET", path, { headers }), most());
      }
      assertOver(entry);
    },
  );
}

function assertOver({ account }: Entry): void {
  if (account.ending === null) throw new Error("the stream ended without an end");
}
