/** The server under fastify, with or without TLS, with every bound on those who connect. */
import http, { type RequestListener } from "node:http";
import https from "node:https";
import { LIMITS } from "../../limits.ts";
import type { LiveCertificates } from "../auth/live-certificates.ts";

/** Bounds on slow and many clients; times in ms. */
export interface ListenerTimes {
  /** Until a request has arrived as a whole; default `LIMITS.httpRequestMs`. */
  readonly requestMs?: number;
  /** Until its head has; default `LIMITS.httpHeadersMs`. */
  readonly headersMs?: number;
  /** Between two looks for requests that are too slow; default `LIMITS.httpCheckMs`. */
  readonly checkMs?: number;
  /** Connections at once; default `LIMITS.httpConnections`. */
  readonly connections?: number;
}

export function createListener(
  handler: RequestListener,
  times: ListenerTimes,
  certificates: LiveCertificates | null,
): http.Server | https.Server {
  const options = {
    headersTimeout: times.headersMs ?? LIMITS.httpHeadersMs,
    requestTimeout: times.requestMs ?? LIMITS.httpRequestMs,
    connectionsCheckingInterval: times.checkMs ?? LIMITS.httpCheckMs,
    keepAliveTimeout: LIMITS.httpKeepAliveMs,
    maxHeaderSize: LIMITS.httpHeaderBytes,
  };
  const server = secured(options, handler, certificates);
  server.maxConnections = times.connections ?? LIMITS.httpConnections;
  server.maxHeadersCount = LIMITS.httpHeaders;
  return server;
}

function secured(
  options: http.ServerOptions,
  handler: RequestListener,
  certificates: LiveCertificates | null,
): http.Server | https.Server {
  if (certificates === null) return http.createServer(options, handler);
  const server = https.createServer(
    { ...options, ...certificates.options, handshakeTimeout: LIMITS.tlsHandshakeMs },
    handler,
  );
  certificates.follow(server);
  return server;
}
