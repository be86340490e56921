/**
 * A gRPC client of the front, made from the .proto files by reflection and so independent of the
 * committed static code. Bodies are the JSON ones; enums, maps and structs are translated by field type.
 */
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import protobuf from "protobufjs";
import { paceline } from "../../proto/gen/paceline.js";
import { createEventReader } from "../../server/api/codec/event-reader.ts";
import { decodeMessage } from "../../server/api/grpc/message-codec.ts";
import { loadProtos } from "../../server/api/grpc/protos.ts";
import { narrow } from "../../server/api/grpc/rollout-message.ts";
import { structFromJson } from "../../server/api/grpc/struct.ts";
import { STATE } from "../../server/api/grpc/words.ts";
import type { RolloutState } from "../../server/rollouts/service.ts";
import type { FrontClient } from "../conformance/fronts/front-conformance.ts";
import { errorFromTrailer, eventData, resultFromProto } from "./grpc-messages.ts";

const { v1 } = paceline;
const root = loadProtos();
const SERVICE = "/paceline.v1.RolloutService";

export interface GrpcClient extends FrontClient {
  readonly raw: Client;
}

/** Bytes of a message of `paceline.v1` from its JSON. */
export function encodeMessage(type: string, body: unknown): Buffer {
  const message = root.lookupType(`paceline.v1.${type}`);
  return Buffer.from(
    message.encode(message.fromObject(asRecord(fieldsOf(message, body)))).finish(),
  );
}

function fieldsOf(type: protobuf.Type, body: unknown): unknown {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  const out: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(body)) {
    const field = type.fields[name];
    if (field === undefined || value == null) continue;
    out[name] =
      field.repeated && Array.isArray(value)
        ? value.map((item: unknown) => fieldValue(field, item))
        : fieldValue(field, value);
  }
  return out;
}

function fieldValue(field: protobuf.Field, value: unknown): unknown {
  const type = field.resolvedType;
  if (field.map || type === null) return value;
  if (type instanceof protobuf.Enum) {
    const prefix = Object.keys(type.values)[0]?.replace(/_UNSPECIFIED$/, "");
    return typeof value === "string" ? type.values[`${prefix}_${value.toUpperCase()}`] : value;
  }
  if (type.fullName === ".google.protobuf.Struct") return structFromJson(asRecord(value));
  if (type.fullName === ".google.protobuf.Value")
    return structFromJson({ value }).fields?.["value"];
  return fieldsOf(type, value);
}

function asRecord(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw new TypeError("not an object");
  return { ...value };
}

const typed = (error: ServiceError): Error => errorFromTrailer(error.metadata) ?? error;

export function createGrpcClient(address: string): GrpcClient {
  const raw = new Client(address, credentials.createInsecure(), {
    "grpc.max_receive_message_length": -1,
  });
  const unary = <T>(
    method: string,
    request: Buffer,
    decode: (bytes: Buffer) => T,
    signal?: AbortSignal,
  ): Promise<T> =>
    new Promise((resolve, reject) => {
      const call = raw.makeUnaryRequest(
        `${SERVICE}/${method}`,
        (bytes: Buffer) => bytes,
        decode,
        request,
        (error, reply) => {
          if (error !== null) reject(typed(error));
          else if (reply === undefined) reject(new Error("no reply"));
          else resolve(reply);
        },
      );
      signal?.addEventListener("abort", () => call.cancel(), { once: true });
    });
  const result = (bytes: Buffer) => resultFromProto(v1.Result.decode(bytes));
  return {
    raw,
    generate: async (body, signal) =>
      unary("Generate", encodeMessage("Rollout", body), result, signal),
    async *stream(body, signal) {
      const call = raw.makeServerStreamRequest(
        `${SERVICE}/GenerateStream`,
        (bytes: Buffer) => bytes,
        (bytes: Buffer) => v1.Event.decode(bytes),
        encodeMessage("Rollout", body),
      );
      signal?.addEventListener("abort", () => call.cancel(), { once: true });
      const reader = createEventReader();
      try {
        for await (const message of call) {
          const { name, data } = eventData(message);
          yield { seq: narrow(message.seq), event: reader.read(name, data) };
        }
      } catch (error) {
        throw error instanceof Error && "metadata" in error ? typed(error as ServiceError) : error;
      }
    },
    async get(job, id) {
      const state = await unary("Get", encodeMessage("RolloutRef", { job, id }), (bytes) =>
        v1.RolloutState.decode(bytes),
      );
      if (state.result != null) return { result: resultFromProto(state.result) };
      const progress = state.progress ?? {};
      return {
        progress: {
          id: progress.id ?? "",
          job: progress.job ?? "",
          state: STATE.word(progress.state) as RolloutState,
          outputTokens: progress.output_tokens ?? 0,
          worker: progress.worker ?? null,
          attempts: progress.attempts ?? 0,
        },
      };
    },
    timeline: (job, id) =>
      unary("Get", encodeMessage("RolloutRef", { job, id, timeline: true }), (bytes) => {
        const state = decodeMessage(root.lookupType("paceline.v1.RolloutState"), bytes);
        return state["progress"];
      }),
    abort: (job, id) => unary("Abort", encodeMessage("RolloutRef", { job, id }), result),
    close: async () => raw.close(),
  };
}
