/** The kept-alive connections to one engine. As many as replies are under way; the last one used goes first. */
import { PacelineError } from "../../server/contract/errors.ts";
import {
  type Address,
  Connection,
  type ConnectionLimits,
  type ConnectionOwner,
  type ReplyTaker,
  type TlsOptions,
} from "./connection.ts";
import { lost } from "./errors.ts";
import type { ReplyHead } from "./reply-parser.ts";

export interface ConnectionsOptions extends ConnectionLimits {
  /** Idle connections are closed after this, ms. Below the engine's own, so that it never closes one in use. */
  readonly keepAliveMs: number;
  /** Sent with every request, such as `authorization`; default none. */
  readonly headers?: Headers;
  /** For `https:`; default: Node's own roots. */
  readonly tls?: TlsOptions;
}

export type Headers = Readonly<Record<string, string>>;

export interface Request {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** With its query, from `/`. */
  readonly path: string;
  /** Default none. `host`, `content-length` and, with a body, `content-type` (JSON) are ours. */
  readonly headers?: Headers;
  /** UTF-8 on the wire. Absent: no body. */
  readonly body?: string;
  /**
   * May be sent twice. If the engine closes a kept connection before the first byte of the reply, the request
   * goes once more, on a fresh one: the engine's idle limit and our request crossed. Default false.
   */
  readonly repeatable?: boolean;
  /**
   * Goes over connections that generation does not use: one is open when generation has taken all that the engine
   * may have. Default false.
   */
  readonly control?: boolean;
}

/** A reply under way. */
export interface Exchange {
  /** Reads on, after the taker said not to. */
  resume(): void;
  /** Gives the reply up: its connection is destroyed, the taker hears nothing more. */
  cut(): void;
}

export interface Connections {
  /** Throws `invalid_argument` for what no header may hold. Everything else is told to the taker. */
  send(request: Request, taker: ReplyTaker): Exchange;
  /** Cuts all; those under way fail as `engine_unreachable`. */
  close(): void;
}

/** Opens nothing yet. Throws `unsupported` for what is neither `http:` nor `https:`. */
export function createConnections(url: string, options: ConnectionsOptions): Connections {
  const { host, prefix, address } = parseUrl(url, options.tls ?? {});
  const common = headerLines(options.headers ?? {});
  const generation = createPool(address, options);
  const control = createPool(address, options);
  return {
    send(request, taker) {
      const pool = request.control === true ? control : generation;
      const text = requestText(prefix, host, common, request);
      if (request.repeatable !== true) {
        const connection = pool.take();
        connection.send(text, taker);
        return connection;
      }
      return new RepeatableExchange(pool, text, taker);
    },
    close() {
      generation.close();
      control.close();
    },
  };
}

/** Stands between the taker and its connection, which may be replaced once. */
class RepeatableExchange implements Exchange, ReplyTaker {
  readonly #pool: Pool;
  readonly #text: string;
  readonly #taker: ReplyTaker;
  #connection: Connection;
  #again = false;

  constructor(pool: Pool, text: string, taker: ReplyTaker) {
    this.#pool = pool;
    this.#text = text;
    this.#taker = taker;
    this.#connection = pool.take();
    this.#connection.send(text, this);
  }

  resume(): void {
    this.#connection.resume();
  }

  cut(): void {
    this.#connection.cut();
  }

  body(head: ReplyHead, bytes: Uint8Array): boolean {
    return this.#taker.body(head, bytes);
  }

  complete(head: ReplyHead): void {
    this.#taker.complete(head);
  }

  failed(error: PacelineError): void {
    if (this.#again || !this.#connection.stale || this.#pool.closed) {
      this.#taker.failed(error);
      return;
    }
    this.#again = true;
    this.#connection = this.#pool.fresh();
    this.#connection.send(this.#text, this);
  }
}

interface Pool {
  readonly closed: boolean;
  /** An idle one, else a fresh one. */
  take(): Connection;
  fresh(): Connection;
  close(): void;
}

function createPool(address: Address, options: ConnectionsOptions): Pool {
  const all = new Set<Connection>();
  const idle: Connection[] = [];
  let sweeping: NodeJS.Timeout | null = null;
  let closed = false;

  /** The oldest lie first. */
  const sweep = (): void => {
    sweeping = null;
    const before = performance.now() - options.keepAliveMs;
    while (idle[0] !== undefined && idle[0].idleSince <= before) idle.shift()?.cut();
    if (idle.length > 0) arm();
  };
  const arm = (): void => {
    sweeping ??= setTimeout(sweep, options.keepAliveMs).unref();
  };
  const owner: ConnectionOwner = {
    free(connection) {
      connection.idleSince = performance.now();
      idle.push(connection);
      arm();
    },
    gone(connection) {
      all.delete(connection);
      const at = idle.lastIndexOf(connection);
      if (at !== -1) idle.splice(at, 1);
    },
  };
  const fresh = (): Connection => {
    const connection = new Connection(address, options, owner);
    all.add(connection);
    return connection;
  };
  return {
    get closed() {
      return closed;
    },
    take() {
      const last = idle.pop();
      if (last?.open === true && performance.now() - last.idleSince < options.keepAliveMs) {
        return last;
      }
      last?.cut();
      return fresh();
    },
    fresh,
    close() {
      closed = true;
      if (sweeping !== null) clearTimeout(sweeping);
      for (const connection of all) connection.fail(lost("closed by us"));
    },
  };
}

function parseUrl(url: string, tls: TlsOptions) {
  const { protocol, hostname, host, port, pathname } = new URL(url);
  if (protocol !== "http:" && protocol !== "https:") {
    throw new PacelineError("unsupported", `an engine speaks HTTP or HTTPS, not ${protocol}`, {
      details: { path: "url" },
    });
  }
  const secure = protocol === "https:";
  const address: Address = {
    host: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? (secure ? 443 : 80) : Number(port),
    tls: secure ? tls : null,
  };
  return { host, prefix: pathname.replace(/\/$/, ""), address };
}

function requestText(
  prefix: string,
  host: string,
  common: string,
  { method, path, headers, body }: Request,
): string {
  const own = headers === undefined ? "" : headerLines(headers);
  const head = `${method} ${prefix}${path} HTTP/1.1\r\nhost: ${host}\r\n${common}${own}`;
  if (body === undefined) {
    return method === "GET" ? `${head}\r\n` : `${head}content-length: 0\r\n\r\n`;
  }
  const length = Buffer.byteLength(body);
  return `${head}content-type: application/json\r\ncontent-length: ${length}\r\n\r\n${body}`;
}

function headerLines(headers: Headers): string {
  let lines = "";
  for (const name in headers) {
    const value = headers[name] as string;
    // One that holds a line break would begin a header of its own.
    if (!/^[\x20-\x7e\t]*$/.test(value)) {
      throw new PacelineError("invalid_argument", `the header ${name} holds what no header may`);
    }
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}
