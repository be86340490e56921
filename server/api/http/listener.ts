/** The server under fastify, with or without TLS, with every bound on those who connect. */
import http, { type RequestListener } from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import type { Clock } from "../../contract/clock.ts";
import type { PacelineError } from "../../contract/errors.ts";
import { LIMITS } from "../../limits.ts";
import type { LiveCertificates } from "../auth/live-certificates.ts";
import { boundConnections } from "../bound-connections.ts";
import { createSlowReaders, type Reader } from "../slow-readers.ts";

/** Bounds on slow and many clients; times in ms. */
export interface ListenerTimes {
  /** Until a request has arrived as a whole; default `LIMITS.httpRequestMs`. */
  readonly requestMs?: number;
  /** Until its head has; default `LIMITS.httpHeadersMs`. */
  readonly headersMs?: number;
  /** Between two looks for requests that are too slow; default `LIMITS.httpCheckMs`. */
  readonly checkMs?: number;
  /** Until a TLS handshake is done; default `LIMITS.tlsHandshakeMs`. */
  readonly handshakeMs?: number;
  /** Until a reader who takes nothing is cut; default `LIMITS.readerStallMs`. */
  readonly stallMs?: number;
  /** Connections at once; default `LIMITS.connections`. */
  readonly connections?: number;
}

export interface ListenerParts {
  readonly clock: Pick<Clock, "now" | "timer">;
  /** Null: without TLS. */
  readonly certificates: LiveCertificates | null;
}

export function createListener(
  handler: RequestListener,
  times: ListenerTimes,
  { clock, certificates }: ListenerParts,
  failed: (error: PacelineError) => void,
): http.Server | https.Server {
  const options = {
    headersTimeout: times.headersMs ?? LIMITS.httpHeadersMs,
    requestTimeout: times.requestMs ?? LIMITS.httpRequestMs,
    connectionsCheckingInterval: times.checkMs ?? LIMITS.httpCheckMs,
    keepAliveTimeout: LIMITS.httpKeepAliveMs,
    maxHeaderSize: LIMITS.httpHeaderBytes,
  };
  const server =
    certificates === null
      ? http.createServer(options, handler)
      : secured(options, handler, certificates, times);
  server.maxHeadersCount = LIMITS.httpHeaders;
  boundConnections(server, times.connections ?? LIMITS.connections, failed);
  const readers = createSlowReaders(clock, times.stallMs ?? LIMITS.readerStallMs, failed);
  server.on(certificates === null ? "connection" : "secureConnection", (socket: Socket) => {
    const reader = new SocketReader(socket);
    readers.add(reader);
    socket.once("close", () => readers.remove(reader));
  });
  return server;
}

class SocketReader implements Reader {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get waiting(): number {
    return this.#socket.writableLength;
  }

  /** `bytesWritten` counts what still waits, too. */
  get taken(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength;
  }

  cut(): void {
    this.#socket.destroy();
  }
}

function secured(
  options: http.ServerOptions,
  handler: RequestListener,
  certificates: LiveCertificates,
  { handshakeMs: handshakeTimeout = LIMITS.tlsHandshakeMs }: ListenerTimes,
): https.Server {
  const server = https.createServer(
    { ...options, ...certificates.options, handshakeTimeout },
    handler,
  );
  certificates.follow(server);
  return server;
}
