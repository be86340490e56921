/**
 * The socket under a fake: routes by method and path on 127.0.0.1, JSON in, JSON or server-sent events out, and the
 * faults of arrival and of bytes. A wire says what its routes answer and what its errors look like.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { FakeReply } from "./fake-reply.ts";
import type { Fault, Faults } from "./fault.ts";

export interface FakeCall {
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  /** Parsed; `undefined` where none was sent. */
  readonly body: unknown;
  readonly text: string;
  /** Of content: the reply strikes those of bytes by itself. */
  readonly fault: Fault | null;
  readonly reply: FakeReply;
  /** Aborted when the caller is gone before the reply's end. */
  readonly left: AbortSignal;
}

/** Answers through `call.reply`; what it throws becomes the wire's own error. */
export type FakeRoute = (call: FakeCall) => void | Promise<void>;

export interface FakeWire {
  /** By `"POST /path"`. */
  readonly routes: Readonly<Record<string, FakeRoute>>;
  /** Routes that generate: faults without a route strike these. */
  readonly generates: readonly string[];
  errorOf(error: unknown): { readonly status: number; readonly body: unknown };
  /** Throws for a caller that may not call this route, whatever it is; default: all may. */
  admit?(route: string, headers: IncomingMessage["headers"]): void;
}

export interface FakeServerOptions {
  /** Default 0: any free port. */
  readonly port?: number;
  /** Milliseconds after which an idle connection is closed; default 65,000. */
  readonly keepAliveMs?: number;
}

export interface FakeServer {
  readonly url: string;
  /** As if the process had ended: nothing listens, every connection is reset. */
  exit(): void;
  close(): Promise<void>;
}

/** What a route throws to answer a status of its own. */
export class FakeError extends Error {
  readonly status: number;
  /** The wire's name of the kind of error, and the parameter, where it has them. */
  readonly type: string;
  readonly param: string | null;

  constructor(
    status: number,
    message: string,
    type = "BadRequestError",
    param: string | null = null,
  ) {
    super(message);
    this.status = status;
    this.type = type;
    this.param = param;
  }
}

const NEVER_JSON = "<html><body>It works!</body></html>";

/** `exited` is called once, when the fake ends itself or is told to. */
export async function startFakeServer(
  wire: FakeWire,
  faults: Faults,
  exited: () => void,
  { port = 0, keepAliveMs = 65_000 }: FakeServerOptions = {},
): Promise<FakeServer> {
  const server = createServer({ keepAliveTimeout: keepAliveMs, requestTimeout: 0 });
  let gone = false;
  const exit = (): void => {
    if (gone) return;
    gone = true;
    server.close();
    server.closeAllConnections();
    exited();
  };
  server.on("request", (request, response) => {
    serve(wire, faults, exit, request, response).catch((error: unknown) => {
      if (response.headersSent || response.destroyed) response.destroy();
      else {
        const { status, body } = wire.errorOf(error);
        new FakeReply(response, null, exit).json(status, body);
      }
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${bound}`,
    exit,
    async close() {
      const closed = server.listening ? once(server, "close") : Promise.resolve();
      exit();
      await closed;
    },
  };
}

async function serve(
  wire: FakeWire,
  faults: Faults,
  exit: () => void,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://fake");
  const name = `${request.method} ${url.pathname}`;
  const text = await readText(request);
  wire.admit?.(name, request.headers);
  const route = wire.routes[name];
  if (route === undefined) throw new FakeError(404, "Not Found", "NotFoundError");
  const fault = faults.take(name, wire.generates.includes(name));
  if (fault !== null && struckOnArrival(wire, fault, response)) return;
  await route({
    query: url.searchParams,
    headers: request.headers,
    body: parsed(text),
    text,
    fault,
    reply: new FakeReply(response, fault, exit),
    left: leftSignal(response),
  });
}

function struckOnArrival(
  wire: FakeWire,
  { kind, status }: Fault,
  response: ServerResponse,
): boolean {
  const refusal = (as: number) => wire.errorOf(new FakeError(as, `${as} on command`));
  switch (kind) {
    case "status": {
      const error = refusal(status);
      new FakeReply(response, null, () => {}).json(error.status, error.body);
      return true;
    }
    case "error_inside":
      new FakeReply(response, null, () => {}).json(200, refusal(500).body);
      return true;
    case "not_json":
      response.writeHead(200, { "content-type": "text/html" }).end(NEVER_JSON);
      return true;
    case "reset":
      response.socket?.resetAndDestroy();
      return true;
    case "hang":
      return true;
    default:
      return false;
  }
}

function leftSignal(response: ServerResponse): AbortSignal {
  const left = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) left.abort();
  });
  return left.signal;
}

async function readText(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}

function parsed(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new FakeError(400, "JSON decode error", "Bad Request");
  }
}
