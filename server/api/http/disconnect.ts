/**
 * Tells when a client goes away before its reply is complete. fastify's `request.signal` is no help: it
 * fires as soon as a POST's body has been read. The response's `close` comes exactly once, after a
 * complete reply as well as after a lost socket; only in the second case is it unfinished.
 */
import type { ServerResponse } from "node:http";

/**
 * Calls `gone` once if the connection ends before the reply does, at once if it already has. The
 * returned function forgets it.
 */
export function onDisconnect(response: ServerResponse, gone: () => void): () => void {
  if (response.closed || response.destroyed) {
    if (!response.writableFinished) gone();
    return () => {};
  }
  const closed = (): void => {
    if (!response.writableFinished) gone();
  };
  response.once("close", closed);
  return () => void response.removeListener("close", closed);
}
