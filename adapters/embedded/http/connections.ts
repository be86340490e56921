/** The kept-alive connections to one engine. As many as replies are under way; the last one used goes first. */
import { PacelineError } from "../../../server/contract/errors.ts";
import {
  type Address,
  Connection,
  type ConnectionOwner,
  lost,
  type ReplyTaker,
} from "./connection.ts";

export interface ConnectionsOptions {
  readonly connectMs: number;
  /** Idle connections are closed after this, ms. */
  readonly keepAliveMs: number;
}

export interface Connections {
  /** Sends `body` as JSON and hands its reply to `taker`. */
  post(path: string, body: string, traceparent: string | null, taker: ReplyTaker): Connection;
  /** Cuts all; those under way fail as `engine_unreachable`. */
  close(): void;
}

/** Opens nothing yet. Throws `unsupported` for what is not `http:`. */
export function createConnections(url: string, options: ConnectionsOptions): Connections {
  const { protocol, hostname, host, port } = new URL(url);
  if (protocol !== "http:") {
    throw new PacelineError("unsupported", `the engine speaks plain HTTP, not ${protocol}`, {
      details: { path: "url" },
    });
  }
  const address: Address = {
    host: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? 80 : Number(port),
  };
  const all = new Set<Connection>();
  const idle: Connection[] = [];
  let sweeping: NodeJS.Timeout | null = null;

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
  const take = (): Connection => {
    const last = idle.pop();
    if (last?.open === true && performance.now() - last.idleSince < options.keepAliveMs) {
      return last;
    }
    last?.cut();
    const fresh = new Connection(address, options.connectMs, owner);
    all.add(fresh);
    return fresh;
  };

  return {
    post(path, body, traceparent, taker) {
      const connection = take();
      const length = Buffer.byteLength(body);
      const trace = traceparent === null ? "" : `traceparent: ${traceparent}\r\n`;
      connection.send(
        `POST ${path} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n${trace}\r\n${body}`,
        taker,
      );
      return connection;
    },
    close() {
      if (sweeping !== null) clearTimeout(sweeping);
      for (const connection of all) connection.fail(lost("closed by us"));
    },
  };
}
