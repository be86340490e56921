/**
 * The HTTP thread's end of the reply streams: writes each batch to the sockets and tells the compute
 * thread which readers are slow or gone.
 */
import type { ServerResponse } from "node:http";
import { FRAMES_CONTENT_TYPE } from "../../../adapters/embedded/wire.ts";
import { ERRORS, type ErrorBody, PacelineError } from "../../contract/errors.ts";
import { LIMITS } from "../../limits.ts";
import { AFTER, type Handle, type ToCompute } from "./messages.ts";

const HEADERS = { "content-type": FRAMES_CONTENT_TYPE };

export interface Replies {
  /** Opens a reply; throws `overloaded` beyond LIMITS.engineStreams. */
  open(response: ServerResponse): Handle;
  batch(bytes: ArrayBuffer, records: readonly number[]): void;
  refused(handle: Handle, error: ErrorBody): void;
}

export function createReplies(send: (message: ToCompute) => void): Replies {
  const open = new Map<Handle, ServerResponse>();
  const held = new Set<Handle>();
  let last = 0;

  function hold(handle: Handle, response: ServerResponse): void {
    held.add(handle);
    send({ type: "hold", handle });
    response.once("drain", () => {
      held.delete(handle);
      if (open.has(handle)) send({ type: "flow", handle });
    });
  }

  function write(handle: Handle, bytes: Uint8Array, after: number): void {
    const response = open.get(handle);
    // The reader left while this was on its way.
    if (response === undefined) return;
    if (!response.headersSent) response.writeHead(200, HEADERS);
    if (after === AFTER.end) {
      open.delete(handle);
      response.end(bytes);
      return;
    }
    if (bytes.length > 0) response.write(bytes);
    if (after === AFTER.destroy) {
      open.delete(handle);
      // `destroySoon` lets what was written reach the socket first.
      response.socket?.destroySoon();
    } else if (response.writableLength > LIMITS.engineSocketBytes && !held.has(handle)) {
      hold(handle, response);
    }
  }

  return {
    open(response) {
      if (open.size >= LIMITS.engineStreams) {
        throw new PacelineError("overloaded", `${open.size} replies are open`, {
          details: { limit: LIMITS.engineStreams },
        });
      }
      const handle = ++last;
      open.set(handle, response);
      response.on("close", () => {
        // Ended by us: already forgotten.
        if (open.delete(handle)) send({ type: "drop", handle });
        held.delete(handle);
      });
      return handle;
    },
    batch(bytes, records) {
      for (let i = 0; i < records.length; i += 4) {
        const from = records[i + 1] as number;
        const length = (records[i + 2] as number) - from;
        write(records[i] as number, new Uint8Array(bytes, from, length), records[i + 3] as number);
      }
    },
    refused(handle, error) {
      const response = open.get(handle);
      if (response === undefined) return;
      open.delete(handle);
      writeError(response, error);
    },
  };
}

export function writeJson(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}

export function writeError(response: ServerResponse, error: ErrorBody): void {
  writeJson(response, ERRORS[error.code].http, { error });
}
