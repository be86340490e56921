/**
 * TensorRT-LLM's gRPC service on a real socket, with the demo policy's numbers. Made from its published interface, not from a
 * recording. Its sockets go through one of ours, so that they can be reset.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { trtllm } from "../../../proto/gen/trtllm.js";
import { PacelineError } from "../../../server/contract/errors.ts";
import { distorted } from "../core/distorted.ts";
import { createFakeModel, type FakeModel, type FakeModelOptions } from "../core/fake-model.ts";
import type { FakePart, WireNumber } from "../core/fake-output.ts";
import { createFaults, type Fault, type FaultKind, type FaultOptions } from "../core/fault.ts";

export interface FakeTrtllmGrpc {
  readonly url: string;
  readonly model: FakeModel;
  /** Requests that were ended by name. */
  readonly aborted: readonly string[];
  /** Salts of the requests, in order. */
  readonly salts: readonly number[];
  fault(kind: FaultKind, options?: FaultOptions): void;
  exit(): void;
  close(): Promise<void>;
}

type Generation = ServerWritableStream<trtllm.GenerateRequest, Uint8Array>;

const STATUSES: Readonly<Record<number, status>> = {
  400: status.INVALID_ARGUMENT,
  429: status.RESOURCE_EXHAUSTED,
  500: status.INTERNAL,
  503: status.RESOURCE_EXHAUSTED,
};

export async function startFakeTrtllmGrpc(options: FakeModelOptions = {}): Promise<FakeTrtllmGrpc> {
  const model = createFakeModel(options);
  const faults = createFaults();
  const aborted: string[] = [];
  const salts: number[] = [];
  const running = new Map<string, () => void>();
  const { vocabSize, maxModelLen } = model.info;
  const server = new Server();
  const proxy = createServer();
  const sockets = new Set<Socket>();
  const reset = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const exit = (): void => {
    proxy.close();
    reset();
    model.die();
  };

  const serviceOf = (
    name: string,
    asks: { decode(bytes: Uint8Array): object },
    answers: { encode(message: object): { finish(): Uint8Array } } | null,
  ) => ({
    path: `/trtllm.TrtllmService/${name}`,
    requestStream: false,
    responseStream: answers === null,
    requestSerialize: (bytes: Buffer) => bytes,
    requestDeserialize: (bytes: Buffer) => asks.decode(bytes),
    responseSerialize: (message: object) =>
      Buffer.from(answers === null ? (message as Uint8Array) : answers.encode(message).finish()),
    responseDeserialize: (bytes: Buffer) => bytes,
  });
  const answering =
    (answer: (asked: object) => object) =>
    ({ request }: ServerUnaryCall<object, object>, reply: sendUnaryData<object>): void =>
      reply(null, answer(request));

  server.addService(
    {
      Generate: serviceOf("Generate", trtllm.GenerateRequest, null),
      Abort: serviceOf("Abort", trtllm.AbortRequest, trtllm.AbortResponse),
      HealthCheck: serviceOf("HealthCheck", trtllm.HealthCheckRequest, trtllm.HealthCheckResponse),
      GetModelInfo: serviceOf(
        "GetModelInfo",
        trtllm.GetModelInfoRequest,
        trtllm.GetModelInfoResponse,
      ),
      GetServerInfo: serviceOf(
        "GetServerInfo",
        trtllm.GetServerInfoRequest,
        trtllm.GetServerInfoResponse,
      ),
    },
    {
      Generate: (call: Generation) => {
        const fault = faults.take("Generate", true);
        const { request_id: id, cache_salt_id: salt } = call.request;
        salts.push(Number(salt));
        if (fault?.kind === "hang") return;
        if (fault?.kind === "reset") return reset();
        if (fault?.kind === "status") {
          const code = STATUSES[fault.status] ?? status.UNKNOWN;
          call.emit("error", { code, details: "on command" });
          return;
        }
        const parts = submitted(call, model);
        if (parts === null) return;
        const left = (): void => void parts.return?.(undefined);
        running.set(id, left);
        call.on("cancelled", left);
        void answer(call, parts, fault, { reset, exit }).finally(() => running.delete(id));
      },
      Abort: answering((asked) => {
        const { request_id: id } = asked as trtllm.AbortRequest;
        aborted.push(id);
        running.get(id)?.();
        return { success: true, message: "" };
      }),
      HealthCheck: answering(() => ({ status: "OK" })),
      GetModelInfo: answering(() => ({
        model_id: "demo",
        max_seq_len: maxModelLen,
        max_input_len: maxModelLen - 1,
        max_batch_size: 16,
        vocab_size: vocabSize,
      })),
      GetServerInfo: answering(() => ({ version: "1.3.0rc29", backend: "pytorch" })),
    },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  proxy.on("connection", (near: Socket) => {
    const far = connect(port, "127.0.0.1");
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return {
    url: `grpc://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    model,
    aborted,
    salts,
    fault: faults.arm,
    exit,
    async close() {
      exit();
      server.forceShutdown();
    },
  };
}

/** Null where it was refused. */
function submitted(call: Generation, model: FakeModel) {
  const { tokenized, sampling_config: sampling, ...asked } = call.request;
  const prompt = tokenized?.input_token_ids ?? [];
  const refuse = (details: string): null => {
    call.emit("error", { code: status.INVALID_ARGUMENT, details });
    return null;
  };
  if (prompt.some((id) => id >= model.info.vocabSize)) return refuse("token id out of vocabulary");
  if (prompt.length >= model.info.maxModelLen) return refuse("prompt exceeds max_seq_len");
  try {
    return model.submit({
      id: asked.request_id,
      promptTokenIds: Uint32Array.from(prompt),
      sampling: {
        maxNewTokens: Math.min(asked.max_tokens, model.info.maxModelLen - prompt.length),
        minNewTokens: sampling?.min_tokens ?? 0,
        // float32 on the wire, and what was meant is what has so few digits.
        temperature: short(sampling?.temperature ?? 1),
        topP: short(sampling?.top_p ?? 1),
        topK: sampling?.top_k ?? 0,
        minP: short(sampling?.min_p ?? 0),
        presencePenalty: short(sampling?.presence_penalty ?? 0),
        frequencyPenalty: short(sampling?.frequency_penalty ?? 0),
        repetitionPenalty: short(sampling?.repetition_penalty ?? 1),
        stopTokenIds: asked.stop_token_ids,
        ignoreEos: asked.ignore_eos,
        seed: Number(sampling?.seed ?? 0),
      },
    });
  } catch (error) {
    if (error instanceof PacelineError) return refuse(error.message);
    throw error;
  }
}

const short = (value: number): number => Number(value.toPrecision(6));

interface Ends {
  readonly reset: () => void;
  readonly exit: () => void;
}

async function answer(
  call: Generation,
  parts: AsyncIterable<FakePart>,
  fault: Fault | null,
  { reset, exit }: Ends,
): Promise<void> {
  const id = fault?.kind === "other_id" ? "another" : call.request.request_id;
  const all: { readonly ids: number[]; readonly scores: number[] } = { ids: [], scores: [] };
  let struck = false;
  const send = (message: Omit<trtllm.GenerateResponse.$Properties, "request_id">): void => {
    const bytes = trtllm.GenerateResponse.encode({ request_id: id, ...message }).finish();
    // A varint of a field that nobody knows.
    const more = fault?.kind === "unknown_fields" ? [0xf8, 0x3f, 0x01] : [];
    call.write(Buffer.concat([bytes, Buffer.from(more)]));
  };
  /** Whether the reply goes on. */
  const goesOn = (made: number): boolean => {
    if (struck || fault === null || made <= fault.afterTokens) return true;
    struck = true;
    if (fault.kind === "die") reset();
    else if (fault.kind === "exit") exit();
    else if (fault.kind === "truncate") call.end();
    else if (fault.kind === "not_json" || fault.kind === "malformed")
      call.write(Buffer.of(0xff, 0xff));
    else if (fault.kind === "error_inside") send({});
    else return fault.kind !== "stall";
    return false;
  };

  for await (const part of distorted(noted(parts, all), fault)) {
    if (part.type === "tokens") {
      if (!goesOn(part.made)) return;
      const ids = part.ids.map((value) => numberOf(value) >>> 0);
      const logprobs = part.logprobs.map((value, at) => ({
        token_id: ids[at] ?? 0,
        logprob: numberOf(value),
      }));
      send({ chunk: { token_ids: ids, completion_tokens: part.made, logprobs } });
    }
    if (part.type !== "finished") continue;
    if (fault?.kind === "unfinished") return void call.end();
    const { reason, made, cachedTokens } = part;
    send({
      complete: {
        output_token_ids: all.ids,
        finish_reason: REASONS[reason.type],
        ...(reason.cause === "stop_id" ? { matched_token_id: reason.matched as number } : {}),
        completion_tokens: made,
        cached_tokens: cachedTokens,
        logprobs: all.ids.map((token_id, at) => ({ token_id, logprob: all.scores[at] as number })),
      },
    });
  }
  call.end();
}

const REASONS = { stop: "stop", length: "length", abort: "cancelled" } as const;

/** As they were before any fault. */
async function* noted(
  parts: AsyncIterable<FakePart>,
  all: { readonly ids: number[]; readonly scores: number[] },
): AsyncGenerator<FakePart> {
  for await (const part of parts) {
    if (part.type === "tokens") {
      all.ids.push(...part.ids.map(numberOf));
      all.scores.push(...part.logprobs.map(numberOf));
    }
    yield part;
  }
}

/** The nearest that this wire can say: no null, and 32 bits. */
function numberOf(value: WireNumber): number {
  if (typeof value === "number") return value;
  if (value === null) return 0;
  return typeof value === "string" ? Number.NaN : 0xffff_ffff;
}
