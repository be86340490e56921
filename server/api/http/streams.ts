/**
 * Replies that stay open: server-sent events, NDJSON and Arrow. One place holds them all, sends the
 * heartbeats, and ends them when the server closes.
 */
import type { ServerResponse } from "node:http";
import type { FastifyReply } from "fastify";
import type { ARROW_TYPE } from "../../arrow/rollout-stream.ts";
import type { Clock, Timer } from "../../contract/clock.ts";
import { PacelineError } from "../../contract/errors.ts";
import { onDisconnect } from "./disconnect.ts";
import { taken } from "./flow.ts";

export type StreamType = "text/event-stream" | "application/x-ndjson" | typeof ARROW_TYPE;

export interface LiveStream {
  /** Aborts when the reader left or was cut, or when the server closes. */
  readonly signal: AbortSignal;
  /** Resolves when more can be written: at once, or when the reader has drained. False: nobody reads any more. */
  write(data: string | Uint8Array): Promise<boolean>;
  /**
   * Parts of one event, each with the system before the next is asked for, and nothing of ours between them. Where one cannot be
   * had the connection is cut, and what was thrown is thrown.
   */
  writeAll(parts: AsyncIterable<string | Uint8Array>): Promise<boolean>;
  end(): void;
}

export interface StreamOptions {
  /** A comment goes out on each event stream that often, ms. */
  readonly heartbeatMs: number;
  /** Control streams (`bounded`) open at once. */
  readonly controlStreams: number;
}

export interface Streams {
  /**
   * Takes the reply over and sends its head. A `control` stream counts against the limit (throws
   * `overloaded` before the first byte) and is ended as soon as the server closes; a rollout's
   * stream ends with its rollout.
   */
  open(reply: FastifyReply, type: StreamType, use: "control" | "rollout"): LiveStream;
  /** Ends control streams now. */
  close(): void;
  readonly size: number;
}

interface Open {
  readonly response: ServerResponse;
  readonly type: StreamType;
  readonly use: "control" | "rollout";
  readonly controller: AbortController;
  /** Amid an event. */
  amid: boolean;
}

export function createStreams(clock: Clock, options: StreamOptions): Streams {
  const all = new Set<Open>();
  let control = 0;
  let heart: Timer | null = null;

  const beat = (): void => {
    heart = clock.timer(options.heartbeatMs, beat);
    for (const { response, type, amid } of all) {
      // A reader that is behind needs no sign of life, and must not have comments pile up.
      if (type === "text/event-stream" && !amid && !response.writableNeedDrain)
        response.write(":\n\n");
    }
  };

  const forget = (open: Open): void => {
    if (!all.delete(open)) return;
    if (open.use === "control") control--;
    if (all.size > 0) return;
    heart?.cancel();
    heart = null;
  };

  return {
    open(reply, type, use) {
      if (use === "control" && control >= options.controlStreams) {
        throw new PacelineError("overloaded", `${control} streams are open already`, {
          retryAfterMs: 1_000,
        });
      }
      reply.hijack();
      const response = reply.raw;
      const controller = new AbortController();
      const open: Open = { response, type, use, controller, amid: false };
      all.add(open);
      if (use === "control") control++;
      heart ??= clock.timer(options.heartbeatMs, beat);
      onDisconnect(response, () => {
        forget(open);
        controller.abort();
      });
      response.writeHead(200, {
        "content-type": type,
        "cache-control": "no-cache, no-transform",
        // nginx buffers streams unless told not to.
        "x-accel-buffering": "no",
      });
      response.flushHeaders();
      return {
        signal: controller.signal,
        write: (data) => writeOrDrain(response, data),
        async writeAll(parts) {
          open.amid = true;
          try {
            return await writeParts(response, parts);
          } finally {
            open.amid = false;
          }
        },
        end() {
          forget(open);
          if (!response.writableEnded) response.end();
        },
      };
    },
    close() {
      for (const open of [...all]) if (open.use === "control") open.controller.abort();
    },
    get size() {
      return all.size;
    },
  };
}

async function writeParts(
  response: ServerResponse,
  parts: AsyncIterable<string | Uint8Array>,
): Promise<boolean> {
  try {
    for await (const part of parts) {
      if (response.destroyed || response.writableEnded) return false;
      if (part.length > 0) await taken(response, part);
    }
    return !response.destroyed;
  } catch (thrown) {
    // Half of an event can be followed by nothing.
    response.destroy();
    throw thrown;
  }
}

async function writeOrDrain(response: ServerResponse, data: string | Uint8Array): Promise<boolean> {
  if (response.destroyed || response.writableEnded) return false;
  if (response.write(data)) return true;
  return new Promise((resolve) => {
    const settle = (open: boolean): void => {
      response.removeListener("drain", drained);
      response.removeListener("close", closed);
      resolve(open);
    };
    const drained = (): void => settle(true);
    const closed = (): void => settle(false);
    response.once("drain", drained);
    response.once("close", closed);
  });
}
