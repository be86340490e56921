/**
 * Control calls and unary replies: one request, its whole answer as text or JSON, a typed error for everything
 * else. The deadline is the caller's signal: aborting it destroys the connection.
 */

import { errorFromSignal } from "../../server/contract/abort.ts";
import { PacelineError } from "../../server/contract/errors.ts";
import type { Connections, Exchange, Request } from "./connections.ts";
import type { ReplyHead } from "./reply-parser.ts";

export interface CallsOptions {
  /** Most bytes of an answer; beyond it the call is an `engine_error`. */
  readonly answerBytes: number;
  /** From a status outside 2xx and its body to the error that the call throws. */
  readonly refused: (status: number, text: string) => PacelineError;
}

export interface Call extends Omit<Request, "body"> {
  /** Sent as JSON. A string is sent as it is, for those who sign their bytes. Absent: no body. */
  readonly body?: unknown;
}

export interface Calls {
  /** The body of a 2xx, which may be empty. Throws what `refused` says, `engine_unreachable`, `engine_error`, `cancelled`. */
  text(call: Call, signal: AbortSignal): Promise<string>;
  /** The same as JSON; a body that is none is an `engine_error`. `lift`: made for this body, and given its bytes first. */
  json(call: Call, signal: AbortSignal, lift?: MakeLift): Promise<unknown>;
}

/** Takes something out of a body while it comes; what it throws fails the call. `rest` is given what stays. */
export type MakeLift = (rest: (bytes: Buffer) => void) => {
  push(bytes: Uint8Array): void;
  end(): void;
};

/** `GET` is sent twice if it must (`Request.repeatable`), others where the call says so. */
export function createCalls(connections: Connections, options: CallsOptions): Calls {
  const text = (call: Call, signal: AbortSignal, make?: MakeLift): Promise<string> =>
    new Promise((resolve, reject) => {
      const what = `${call.method} ${call.path}`;
      if (signal.aborted) throw errorFromSignal(signal, what);
      const parts: Buffer[] = [];
      let bytes = 0;
      const keep = (part: Uint8Array): void => void parts.push(Buffer.from(part));
      const lift = make?.(keep);
      let exchange: Exchange | null = null;
      const cancel = (): void => {
        exchange?.cut();
        reject(errorFromSignal(signal, what));
      };
      const over = (): void => signal.removeEventListener("abort", cancel);
      const sent = connections.send(requestOf(call), {
        body(head, part) {
          bytes += part.length;
          if (bytes > options.answerBytes) throw beyond(what, options.answerBytes);
          if (lift === undefined || !isSuccess(head)) keep(part);
          else lifted(lift, part, call.path);
          return true;
        },
        complete(head) {
          over();
          lift?.end();
          const answer = Buffer.concat(parts).toString("utf8");
          if (isSuccess(head)) resolve(answer);
          else reject(options.refused(head.status, answer));
        },
        failed(error) {
          over();
          reject(error);
        },
      });
      exchange = sent;
      signal.addEventListener("abort", cancel, { once: true });
    });

  return {
    text: (call, signal) => text(call, signal),
    async json(call, signal, lift) {
      const answer = await text(call, signal, lift);
      try {
        return JSON.parse(answer);
      } catch (error) {
        throw noJson(call.path, answer, error);
      }
    },
  };
}

function lifted(lift: ReturnType<MakeLift>, part: Uint8Array, path: string): void {
  try {
    lift.push(part);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw noJson(path, Buffer.from(part.subarray(0, 200)).toString("utf8"), error);
  }
}

const noJson = (path: string, text: string, cause: unknown): PacelineError =>
  new PacelineError("engine_error", `${path} answered JSON that is none`, {
    details: { excerpt: text.slice(0, 200) },
    cause,
  });

function requestOf({ body, ...call }: Call): Request {
  return {
    ...call,
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    repeatable: call.repeatable ?? call.method === "GET",
    control: true,
  };
}

const isSuccess = ({ status }: ReplyHead): boolean => status >= 200 && status < 300;

function beyond(what: string, limit: number): PacelineError {
  return new PacelineError("engine_error", `${what}: the answer exceeds ${limit} bytes`, {
    details: { limit },
  });
}
