/** HTTP client of the commands: JSON in, JSON or a stream out; server errors become PacelineErrors. */
import { readFileSync } from "node:fs";
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

/** Where the server is, and what it is shown; files are PEM. */
export interface ServerOptions {
  readonly server: string;
  readonly token?: string;
  /** Of those that sign the server's certificate; default: those that Node trusts. */
  readonly ca?: string;
  /** The client's own certificate and its key, for a server that asks for one. */
  readonly clientCert?: string;
  readonly clientKey?: string;
}

/** Throws `invalid_argument` for a file that cannot be read. */
export function createClient(options: ServerOptions, connections = 64): Client {
  const { server, token } = options;
  const ca = pem(options.ca, "--ca");
  const cert = pem(options.clientCert, "--client-cert");
  const key = pem(options.clientKey, "--client-key");
  const pool = new Pool(server, {
    headersTimeout: 0,
    bodyTimeout: 0,
    connections,
    connect: {
      ...(ca === null ? {} : { ca }),
      ...(cert === null ? {} : { cert }),
      ...(key === null ? {} : { key }),
    },
  });
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const call = async (method: string, path: string, body: unknown, accept: string) => {
    try {
      return await pool.request({
        method: method as "GET",
        path,
        headers: {
          accept,
          ...authorization,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (thrown) {
      const why = PacelineError.from(thrown).message;
      throw new PacelineError(
        "engine_unreachable",
        `no server at ${server} (${why}); ${remedy(why)}`,
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

function pem(file: string | undefined, flag: string): Buffer | null {
  if (file === undefined) return null;
  try {
    return readFileSync(file);
  } catch (thrown) {
    const { message } = PacelineError.from(thrown);
    throw new PacelineError("invalid_argument", `${flag} ${file}: ${message}`);
  }
}

/** What to do about a connection that did not come about, by the words of OpenSSL and of Node. */
function remedy(why: string): string {
  if (/self.signed|unable to (get|verify)|certificate/i.test(why)) {
    return "is its certificate of another CA? Give --ca, and --client-cert and --client-key if it asks for one";
  }
  if (/wrong version number|other side closed|socket hang up/i.test(why)) {
    return "http:// or https://? Only one of them is served";
  }
  return "start one with: paceline serve";
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
