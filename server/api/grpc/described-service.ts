/**
 * A service of the .proto files as grpc-js takes it, over calls of plain bodies; methods without a call behind
 * them are left out.
 */
import { once } from "node:events";
import type {
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  sendUnaryData,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type protobuf from "protobufjs";
import { PacelineError } from "../../contract/errors.ts";
import type { Body, Methods } from "./control-methods.ts";
import { statusOf } from "./error-status.ts";
import { decodeMessage, encodeMessage } from "./message-codec.ts";
import { method, type Streams } from "./service-definitions.ts";

export interface DescribedService {
  readonly definition: ServiceDefinition;
  readonly handlers: UntypedServiceImplementation;
}

type Failed = (error: PacelineError) => void;

export function describedService(
  service: protobuf.Service,
  methods: Methods,
  failed: Failed,
): DescribedService {
  const definition: Record<string, ServiceDefinition[string]> = {};
  const handlers: UntypedServiceImplementation = {};
  for (const rpc of service.methodsArray) {
    const { name, resolvedRequestType, resolvedResponseType, requestStream, responseStream } = rpc;
    if (resolvedRequestType === null || resolvedResponseType === null) {
      throw new Error(`${service.name}.${name} is not resolved`);
    }
    const unary = methods.unary[name];
    const stream = methods.stream?.[name];
    const read = (bytes: Buffer): Body => decodeMessage(resolvedRequestType, bytes);
    const write = (body: unknown): Buffer => encodeMessage(resolvedResponseType, body);
    if (unary !== undefined) handlers[name] = unaryHandler(unary, read, write, failed);
    else if (stream !== undefined) handlers[name] = streamHandler(stream, read, write, failed);
    else continue;
    const streams = streamsOf(requestStream === true, responseStream === true);
    const path = `/${service.fullName.slice(1)}/${name}`;
    definition[name] = method(path, streams, (reply: Buffer) => ({ finish: () => reply }));
  }
  return { definition, handlers };
}

const streamsOf = (request: boolean, response: boolean): Streams =>
  request ? (response ? "both" : "client") : response ? "server" : "unary";

function unaryHandler(
  call: (body: Body) => unknown,
  read: (bytes: Buffer) => Body,
  write: (body: unknown) => Buffer,
  failed: Failed,
) {
  return async (
    { request }: ServerUnaryCall<Buffer, Buffer>,
    callback: sendUnaryData<Buffer>,
  ): Promise<void> => {
    try {
      callback(null, write(await call(read(request))));
    } catch (thrown) {
      callback(statusOf(thrown));
      failed(PacelineError.from(thrown));
    }
  };
}

function streamHandler(
  items: (body: Body, signal: AbortSignal) => AsyncIterable<unknown>,
  read: (bytes: Buffer) => Body,
  write: (body: unknown) => Buffer,
  failed: Failed,
) {
  return async (call: ServerWritableStream<Buffer, Buffer>): Promise<void> => {
    const gone = new AbortController();
    call.once("cancelled", () => gone.abort());
    try {
      for await (const item of items(read(call.request), gone.signal)) {
        if (gone.signal.aborted) return;
        if (!call.write(write(item))) await once(call, "drain", { signal: gone.signal });
      }
      call.end();
    } catch (thrown) {
      // Nobody is there to be told, and a wait that was cut short is no error.
      if (gone.signal.aborted) return;
      call.emit("error", statusOf(thrown));
      failed(PacelineError.from(thrown));
    }
  };
}
