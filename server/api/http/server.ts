/**
 * fastify as this front needs it. Bodies are parsed once by `JSON.parse` and replies are prepared text:
 * no schema compiler, serializer or per-request log stands in the way, and nothing answers untyped.
 */
import { isUtf8 } from "node:buffer";
import type { Socket } from "node:net";
import fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type onRequestHookHandler,
} from "fastify";
import { PacelineError } from "../../contract/errors.ts";
import { LIMITS } from "../../limits.ts";
import { invalid } from "../codec/invalid.ts";
import { answerClientError, sendError, toPacelineError } from "./errors.ts";
import { endedIn, type GuardOptions, guard } from "./guard.ts";
import { createListener, type ListenerParts, type ListenerTimes } from "./listener.ts";

export interface ServerOptions extends Omit<GuardOptions, "clock">, ListenerParts, ListenerTimes {
  /** How an error is answered; default: as the table has it. */
  readonly answer?: AnswerError;
}

type AnswerError = (reply: FastifyReply, error: PacelineError) => void;

export function createServer(
  options: ServerOptions,
  failed: (error: PacelineError) => void,
): FastifyInstance {
  const answer = options.answer ?? sendError;
  const app = fastify({
    logger: false,
    bodyLimit: LIMITS.bodyBytes,
    // fastify's default of 100 would cut ids; one more than an id may have, so that ours is the error.
    routerOptions: { maxParamLength: LIMITS.idChars + 1 },
    serverFactory: (handler) => createListener(handler, options, options, failed),
    forceCloseConnections: "idle",
    // A request that still comes over an open connection gets its own typed answer.
    return503OnClosing: false,
    exposeHeadRoutes: false,
    clientErrorHandler: (error, socket) => answerClientError(error, socket as Socket),
    frameworkErrors: (error, _request, reply) => {
      const ours = toPacelineError(error);
      failed(ours);
      answer(reply, ours);
    },
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, parseJson);
  app.addHook("onRequest", refusePipelines());
  app.addHook("onRequest", refuseForeignPages);
  guard(app, options);
  answerErrors(app, failed, answer);
  answerUnknownPaths(app);
  return app;
}

/** Of this server, or of the part of it that `app` is. */
export function answerErrors(
  app: FastifyInstance,
  failed: (error: PacelineError) => void,
  answer: AnswerError,
): void {
  app.setErrorHandler((thrown, request, reply) => {
    const error = toPacelineError(thrown);
    failed(error);
    endedIn(request, error.code);
    answer(reply, error);
  });
}

export function answerUnknownPaths(app: FastifyInstance): void {
  app.setNotFoundHandler((request) => {
    throw new PacelineError("not_found", `no such path: ${request.method} ${request.url}`);
  });
}

/** In any way that JSON can write it. Copying and zod's records drop such a key without a word. */
const PROTO_KEY =
  /"(?:_|\\u005[fF]){2}(?:p|\\u0070)(?:r|\\u0072)(?:o|\\u006[fF])(?:t|\\u0074)(?:o|\\u006[fF])(?:_|\\u005[fF]){2}"\s*:/;

type Done = (error: Error | null, body?: unknown) => void;

function parseJson(_request: FastifyRequest, body: Buffer, done: Done): void {
  // Some clients name a type even where they send nothing.
  if (body.length === 0) {
    done(null, undefined);
    return;
  }
  // A decoder would put U+FFFD in its place, and a stop string would be another one.
  if (!isUtf8(body)) {
    done(invalid("", "the body is not UTF-8"));
    return;
  }
  const text = body.toString("utf8");
  if (PROTO_KEY.test(text)) {
    done(invalid("", "the body has a field __proto__: no field has this name"));
    return;
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (thrown) {
    done(invalid("", `the body is not JSON: ${thrown instanceof Error ? thrown.message : ""}`));
    return;
  }
  done(null, parsed);
}

/**
 * Bounds the requests that one connection sends without waiting for replies. Node gives a response its
 * socket when its turn comes: whoever waits for replies costs nothing here.
 */
function refusePipelines(): onRequestHookHandler {
  const waiting = new WeakMap<Socket, number>();
  return ({ raw: { socket } }, { raw: response }, done) => {
    if (response.socket !== null) return done();
    const before = waiting.get(socket) ?? 0;
    if (before >= LIMITS.httpPipelined) {
      return done(
        new PacelineError("overloaded", `${before} requests of this connection wait already`, {
          retryAfterMs: 1_000,
        }),
      );
    }
    waiting.set(socket, before + 1);
    response.once("close", () => waiting.set(socket, (waiting.get(socket) ?? 1) - 1));
    done();
  };
}

/**
 * A page of another site must not steer a server on somebody's loopback. Browsers say where a request
 * comes from; those that cannot change anything need no check, since no reply is readable across origins.
 */
function refuseForeignPages(
  request: FastifyRequest,
  _reply: unknown,
  done: (error?: Error) => void,
): void {
  const { origin, host } = request.headers;
  if (
    origin === undefined ||
    request.method === "GET" ||
    origin === `http://${host}` ||
    origin === `https://${host}`
  ) {
    done();
  } else {
    done(new PacelineError("permission_denied", `${origin} is another site's page`));
  }
}
