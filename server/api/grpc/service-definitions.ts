/**
 * The services of `proto/` as grpc-js takes them. Requests come as bytes and are decoded by their
 * handlers, so that a message that cannot be decoded gets a typed error too.
 */
import type { MethodDefinition } from "@grpc/grpc-js";
import { grpc, paceline } from "../../../proto/gen/paceline.js";

const { v1 } = paceline;

interface Writer {
  finish(): Uint8Array;
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const pass = (bytes: Buffer): Buffer => bytes;

export type Streams = "unary" | "server" | "client" | "both";

export function method<Reply>(
  path: string,
  streams: Streams,
  encode: (reply: Reply) => Writer,
): MethodDefinition<Buffer, Reply> {
  return {
    path,
    requestStream: streams === "client" || streams === "both",
    responseStream: streams === "server" || streams === "both",
    requestSerialize: pass,
    requestDeserialize: pass,
    responseSerialize: (reply) => asBuffer(encode(reply).finish()),
    // Only a client reads replies, and it has definitions of its own.
    responseDeserialize: () => {
      throw new Error(`${path} is served here, not called`);
    },
  };
}

const ROLLOUTS = "/paceline.v1.RolloutService";

export const ROLLOUT_SERVICE = {
  Generate: method(`${ROLLOUTS}/Generate`, "unary", (reply: paceline.v1.Result.$Properties) =>
    v1.Result.encode(reply),
  ),
  GenerateStream: method(
    `${ROLLOUTS}/GenerateStream`,
    "server",
    (reply: paceline.v1.Event.$Properties) => v1.Event.encode(reply),
  ),
  GenerateMany: method(
    `${ROLLOUTS}/GenerateMany`,
    "both",
    (reply: paceline.v1.ManyReply.$Properties) => v1.ManyReply.encode(reply),
  ),
  GenerateGroup: method(
    `${ROLLOUTS}/GenerateGroup`,
    "unary",
    (reply: paceline.v1.GroupReply.$Properties) => v1.GroupReply.encode(reply),
  ),
  Get: method(`${ROLLOUTS}/Get`, "unary", (reply: paceline.v1.RolloutState.$Properties) =>
    v1.RolloutState.encode(reply),
  ),
  Abort: method(`${ROLLOUTS}/Abort`, "unary", (reply: paceline.v1.Result.$Properties) =>
    v1.Result.encode(reply),
  ),
};

const HEALTH = "/grpc.health.v1.Health";
const encodeHealth = (reply: grpc.health.v1.HealthCheckResponse.$Properties) =>
  grpc.health.v1.HealthCheckResponse.encode(reply);

export const HEALTH_SERVICE = {
  Check: method(`${HEALTH}/Check`, "unary", encodeHealth),
  Watch: method(`${HEALTH}/Watch`, "server", encodeHealth),
};
