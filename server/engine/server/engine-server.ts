/**
 * An engine process: HTTP on this thread, compute on another, the wire of
 * `adapters/embedded/wire.ts` between it and the world. Bare `node:http`: the routes are few and the
 * streams want nothing of a framework.
 */
import { isUtf8 } from "node:buffer";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type HeldBody, type InfoBody, WIRE_VERSION } from "../../../adapters/embedded/wire.ts";
import type { Random } from "../../contract/clock.ts";
import { PacelineError } from "../../contract/errors.ts";
import type { Proof } from "../../contract/policy.ts";
import { LIMITS } from "../../limits.ts";
import { createLiveRandom } from "../../live-clock.ts";
import { CAPABILITIES } from "./capabilities.ts";
import { type ComputeThread, startComputeThread } from "./compute-thread.ts";
import { CONTROL_ROUTES } from "./control-bodies.ts";
import { parseGenerateBody } from "./generate-body.ts";
import type { ComputeCall, ComputeState } from "./messages.ts";
import { DEFAULT_STREAM_INTERVAL, type EngineServerOptions } from "./options.ts";
import { createReplies, type Replies, writeError, writeJson } from "./replies.ts";

const ENGINE_VERSION = "0.1.0";

/** Longer than any client keeps an idle connection, so that only the client closes one. */
const KEEP_ALIVE_MS = 65_000;

export interface EngineServer {
  readonly url: string;
  readonly incarnation: string;
  /** Cuts all replies and ends the compute thread. */
  close(): Promise<void>;
}

export interface EngineServerHost {
  readonly random: Random;
  /** Called when the compute thread died. A dead engine must look dead: the default ends the process with code 70. */
  crashed(error: Error): void;
}

const liveHost = (): EngineServerHost => ({
  random: createLiveRandom(),
  crashed(error) {
    console.error("the engine's compute thread died:", error);
    process.exit(70);
  },
});

/** Throws what kept the core from starting (`weights_rejected`, …) or the port from being bound. */
export async function startEngineServer(
  options: EngineServerOptions,
  host: EngineServerHost = liveHost(),
): Promise<EngineServer> {
  const incarnation = mintIncarnation(host.random);
  const replies = createReplies((message) => compute.send(message));
  const compute = await startComputeThread(options, {
    batch: replies.batch,
    refused: replies.refused,
    crashed: host.crashed,
  });
  const handle = createFront(options, incarnation, compute, replies);
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 }, handle);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(options.port ?? 0, options.host ?? "127.0.0.1", resolve);
    });
  } catch (error) {
    await compute.close();
    throw error;
  }
  const { address, port } = server.address() as AddressInfo;
  return {
    url: `http://${address.includes(":") ? `[${address}]` : address}:${port}`,
    incarnation,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await Promise.all([closed, compute.close()]);
    },
  };
}

function mintIncarnation(random: Random): string {
  const hex = (): string => random.u32().toString(16).padStart(8, "0");
  return hex() + hex();
}

/** Calls that only an engine with a digest to show answers. */
const STAGING: ReadonlySet<ComputeCall["kind"]> = new Set(["stage", "swap", "discard"]);

/** What an engine tells of what it holds, by the means that it was given. */
const shown = (held: HeldBody, proof: Proof): HeldBody =>
  proof === "digest" ? held : { ...held, digest: null };

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

function createFront(
  options: EngineServerOptions,
  incarnation: string,
  compute: ComputeThread,
  replies: Replies,
): Handler {
  const interval = options.streamInterval ?? DEFAULT_STREAM_INTERVAL;
  const proof = options.proof ?? "digest";

  async function generate(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = parseGenerateBody(await readJson(request));
    if (response.destroyed) return;
    const handle = replies.open(response);
    compute.send({
      type: "add",
      handle,
      policy: call.policy,
      streamInterval: call.streamInterval ?? interval,
      request: call.request,
    });
  }

  async function control(
    route: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const parse = CONTROL_ROUTES[route];
    if (parse === undefined) throw new PacelineError("not_found", `no route ${route}`);
    const body = parse(await readJson(request));
    if (proof !== "digest" && STAGING.has(body.kind)) {
      throw new PacelineError("unsupported", "this engine stages nothing: it shows no digest");
    }
    const answer = await compute.call(body);
    if (body.kind === "info") {
      writeJson(response, 200, describe(options, incarnation, compute, answer as ComputeState));
    } else if (body.kind === "load" || body.kind === "relabel") {
      writeJson(response, 200, shown(answer as HeldBody, proof));
    } else writeJson(response, 200, answer);
  }

  return (request, response) => {
    const route = `${request.method} ${request.url}`;
    if (route === "GET /health") {
      writeJson(response, 200, { status: "ok", incarnation });
      return;
    }
    const served =
      route === "POST /generate" ? generate(request, response) : control(route, request, response);
    served.catch((error: unknown) => {
      if (response.headersSent || response.destroyed) response.destroy();
      else writeError(response, PacelineError.from(error).toBody());
    });
  };
}

function describe(
  options: EngineServerOptions,
  incarnation: string,
  compute: ComputeThread,
  { paused, asleep, held }: ComputeState,
): InfoBody {
  const { model, dtype, parameters, maxModelLen, vocabSize, eosTokenIds, slot } = compute.info;
  const proof = options.proof ?? "digest";
  return {
    wire: WIRE_VERSION,
    kind: options.kind,
    engine_version: ENGINE_VERSION,
    incarnation,
    model,
    dtype,
    parameters,
    max_model_len: maxModelLen,
    vocab_size: vocabSize,
    eos_token_ids: eosTokenIds,
    slots: [slot],
    capabilities: {
      ...CAPABILITIES,
      weights: { stage: proof === "digest", proof },
      ...(compute.info.routedExperts === true ? { routedExperts: true } : {}),
    },
    paused,
    asleep,
    held: held === null ? [] : [shown(held, proof)],
    stream_interval: options.streamInterval ?? DEFAULT_STREAM_INTERVAL,
  };
}

/** `undefined` where there is no body. Throws `prompt_too_long` beyond LIMITS.bodyBytes. */
async function readJson(request: IncomingMessage): Promise<unknown> {
  const tooLong = (): PacelineError =>
    new PacelineError("prompt_too_long", "the body exceeds the limit", {
      details: { limit_bytes: LIMITS.bodyBytes },
    });
  // Told before it is read: the answer still gets out. Leaving the loop below cuts the connection.
  if (Number(request.headers["content-length"] ?? 0) > LIMITS.bodyBytes) throw tooLong();
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > LIMITS.bodyBytes) throw tooLong();
    parts.push(part);
  }
  if (bytes === 0) return undefined;
  const body = Buffer.concat(parts);
  if (!isUtf8(body)) throw new PacelineError("invalid_argument", "the body is not UTF-8");
  try {
    return JSON.parse(body.toString("utf8"));
  } catch (error) {
    throw new PacelineError("invalid_argument", "the body is not JSON", { cause: error });
  }
}
