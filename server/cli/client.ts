/** HTTP client of the commands: JSON in, JSON or a stream out; server errors become PacelineErrors. */
import { Pool } from "undici";
import { ERRORS, type ErrorBody, type ErrorCode, PacelineError } from "../contract/errors.ts";

export interface Client {
  readonly server: string;
  json<T>(method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<T>;
  /** Server-sent events of one call, as (event, data) pairs. */
  events(
    method: "GET" | "POST",
    path: string,
    body?: unknown,
  ): AsyncIterable<{ event: string; data: unknown }>;
  close(): Promise<void>;
}

export function createClient(server: string, connections = 64): Client {
  const pool = new Pool(server, { headersTimeout: 0, bodyTimeout: 0, connections });
  const call = async (method: string, path: string, body: unknown, accept: string) => {
    try {
      return await pool.request({
        method: method as "GET",
        path,
        headers: { accept, ...(body === undefined ? {} : { "content-type": "application/json" }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (thrown) {
      throw new PacelineError(
        "engine_unreachable",
        `no server at ${server} (${PacelineError.from(thrown).message}); start one with: paceline serve`,
      );
    }
  };
  return {
    server,
    async json(method, path, body) {
      const reply = await call(method, path, body, "application/json");
      const text = await reply.body.text();
      if (reply.statusCode >= 400) throw errorOf(text, reply.statusCode);
      return text === "" ? null : JSON.parse(text);
    },
    async *events(method, path, body) {
      const reply = await call(method, path, body, "text/event-stream");
      if (reply.statusCode >= 400) throw errorOf(await reply.body.text(), reply.statusCode);
      reply.body.setEncoding("utf8");
      yield* parseEvents(reply.body);
    },
    close: () => pool.close(),
  };
}

function errorOf(text: string, status: number): PacelineError {
  try {
    const { error } = JSON.parse(text) as { error: ErrorBody };
    const code: ErrorCode = error.code in ERRORS ? error.code : "internal";
    return new PacelineError(code, error.message, { details: error.details });
  } catch {
    return new PacelineError("internal", `HTTP ${status}: ${text.slice(0, 200)}`);
  }
}

async function* parseEvents(
  body: AsyncIterable<string>,
): AsyncGenerator<{ event: string; data: unknown }> {
  let buffered = "";
  for await (const text of body) {
    buffered += text;
    const blocks = buffered.split("\n\n");
    buffered = blocks.pop() ?? "";
    for (const block of blocks) {
      let event = "message";
      const data: string[] = [];
      for (const line of block.split("\n")) {
        if (line.startsWith("event:")) event = line.slice(6).trim();
        else if (line.startsWith("data:")) data.push(line.slice(5).trim());
      }
      if (data.length > 0) yield { event, data: JSON.parse(data.join("\n")) };
    }
  }
}
