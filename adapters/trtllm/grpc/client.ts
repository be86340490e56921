/** The channel to one TensorRT-LLM that serves gRPC. Aborting a request cancels its stream, and says so by name. */
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { trtllm } from "../../../proto/gen/trtllm.js";
import { errorFromSignal } from "../../../server/contract/abort.ts";
import { PacelineError } from "../../../server/contract/errors.ts";
import { LIMITS } from "../../../server/limits.ts";
import { type BodyFacts, checkRequest, nothingLeft, tokensLeft } from "../../completions/body.ts";
import type { Life } from "../../completions/life.ts";
import type { EngineEvent, EngineRequest } from "../../engine.ts";
import { errorFromStatus } from "./errors.ts";
import { generateRequest } from "./request.ts";
import { ReplyReader } from "./response.ts";

const SERVICE = "/trtllm.TrtllmService";
const {
  AbortRequest,
  AbortResponse,
  GenerateRequest,
  GenerateResponse,
  GetModelInfoRequest,
  GetModelInfoResponse,
  GetServerInfoRequest,
  GetServerInfoResponse,
  HealthCheckRequest,
  HealthCheckResponse,
} = trtllm;

/** A message's generated code. */
interface Codec<T, P> {
  encode(message: P): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

export interface GrpcClient {
  generate(
    request: EngineRequest,
    facts: BodyFacts,
    signal: AbortSignal,
  ): AsyncIterable<EngineEvent>;
  model(signal: AbortSignal): Promise<trtllm.GetModelInfoResponse>;
  server(signal: AbortSignal): Promise<trtllm.GetServerInfoResponse>;
  /** `OK`, or what is the matter. */
  health(signal: AbortSignal): Promise<string>;
  close(): void;
}

/** `grpc://host:port`, or `grpcs://` for TLS. Opens no socket yet. */
export function createGrpcClient(url: string, life: Life): GrpcClient {
  const { protocol, host } = new URL(url);
  const secure = protocol === "grpcs:" ? credentials.createSsl() : credentials.createInsecure();
  const channel = new Client(host, secure, {
    "grpc.max_receive_message_length": LIMITS.engineReplyBytes,
    // Two servers at one address, one after the other, are two channels of nobody else's.
    "grpc.use_local_subchannel_pool": 1,
  });

  const failed = (thrown: unknown, signal: AbortSignal): Error => {
    if (signal.aborted) return errorFromSignal(signal, "the attempt");
    const error = errorFromStatus(thrown);
    life.lost(error);
    return error;
  };

  function call<Q, A, P>(
    name: string,
    [asks, answers]: readonly [Codec<Q, P>, Codec<A, unknown>],
    message: P,
    signal: AbortSignal,
  ): Promise<A> {
    return new Promise((resolve, reject) => {
      const running = channel.makeUnaryRequest(
        `${SERVICE}/${name}`,
        (value: P) => Buffer.from(asks.encode(value).finish()),
        (bytes: Buffer) => answers.decode(bytes),
        message,
        (error, answer) => {
          signal.removeEventListener("abort", left);
          if (error === null && answer !== undefined) resolve(answer);
          else reject(failed(error ?? new Error("no answer"), signal));
        },
      );
      const left = (): void => running.cancel();
      signal.addEventListener("abort", left, { once: true });
      if (signal.aborted) left();
    });
  }

  async function* generate(
    request: EngineRequest,
    facts: BodyFacts,
    signal: AbortSignal,
  ): AsyncGenerator<EngineEvent, void> {
    const metadata = new Metadata();
    if (request.traceparent !== null) metadata.set("traceparent", request.traceparent);
    const stream = channel.makeServerStreamRequest(
      `${SERVICE}/Generate`,
      (value: trtllm.GenerateRequest.$Properties) =>
        Buffer.from(GenerateRequest.encode(value).finish()),
      (bytes: Buffer) => GenerateResponse.decode(bytes),
      generateRequest(request, facts),
      metadata,
    );
    const events: EngineEvent[] = [];
    const reader = new ReplyReader(request, facts, (event) => events.push(event));
    const left = (): void => stream.cancel();
    signal.addEventListener("abort", left, { once: true });
    let over = false;
    try {
      if (signal.aborted) left();
      for await (const message of stream) {
        reader.push(message as trtllm.GenerateResponse);
        yield* events.splice(0);
      }
      reader.end();
      over = true;
      yield* events.splice(0);
    } catch (thrown) {
      throw failed(thrown, signal);
    } finally {
      signal.removeEventListener("abort", left);
      if (!over) {
        stream.cancel();
        end(request.requestId);
      }
    }
  }

  /** A cancelled stream ends its request where the server looks; being told by name, it need not. */
  function end(requestId: string): void {
    const path = `${SERVICE}/Abort`;
    channel.makeUnaryRequest(
      path,
      (id: string) => Buffer.from(AbortRequest.encode({ request_id: id }).finish()),
      (bytes: Buffer) => AbortResponse.decode(bytes),
      requestId,
      // It may have ended by itself, or the server with it.
      () => undefined,
    );
  }

  return {
    generate(request, facts, signal) {
      if (signal.aborted) throw errorFromSignal(signal, "the attempt");
      checkRequest(request, facts);
      assertBiasless(request);
      return tokensLeft(request, facts) === 0
        ? nothingLeft(request)
        : generate(request, facts, signal);
    },
    model: (signal) =>
      call("GetModelInfo", [GetModelInfoRequest, GetModelInfoResponse], {}, signal),
    server: (signal) =>
      call("GetServerInfo", [GetServerInfoRequest, GetServerInfoResponse], {}, signal),
    async health(signal) {
      return (await call("HealthCheck", [HealthCheckRequest, HealthCheckResponse], {}, signal))
        .status;
    },
    close: () => channel.close(),
  };
}

/** Its bias is a row over the whole vocabulary, which nobody has confirmed to be added where ours is. */
function assertBiasless({ sampling }: EngineRequest): void {
  if (sampling.logitBias.size === 0) return;
  const path = "sampling.logit_bias";
  throw new PacelineError("unsupported", `TensorRT-LLM does not honour ${path} by gRPC`, {
    details: { path },
  });
}
