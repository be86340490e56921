/**
 * The gRPC front: the same service core and the same checks as HTTP, over grpc-js with definitions of
 * our own. What this release does not serve answers UNIMPLEMENTED with a typed error.
 */
import {
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServerWritableStream,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { Logger } from "pino";
import type { Clock } from "../../contract/clock.ts";
import { PacelineError } from "../../contract/errors.ts";
import { LIMITS } from "../../limits.ts";
import type { RolloutService } from "../../rollouts/service.ts";
import type { Mint } from "../codec/rollout.ts";
import { statusOf } from "./error-status.ts";
import { createHealthHandlers, type Readiness } from "./health-handlers.ts";
import { createRolloutHandlers } from "./rollout-handlers.ts";
import {
  HEALTH_SERVICE,
  NOT_SERVED,
  notServedMethod,
  ROLLOUT_SERVICE,
  type Streams,
} from "./service-definitions.ts";

export interface GrpcFrontOptions {
  readonly rollouts: Pick<RolloutService, "submit" | "get" | "abort">;
  readonly mint: Mint;
  readonly readiness: Readiness;
  readonly clock: Pick<Clock, "timer">;
  readonly log: Pick<Logger, "error">;
  /** Told of every error that a call ends in, for metrics. */
  readonly failed?: (error: PacelineError) => void;
}

export interface GrpcFront {
  /** Plaintext. Port 0 takes a free one. Rejects when the address cannot be bound. */
  listen(host: string, port: number): Promise<{ readonly port: number }>;
  /** Takes no new calls, waits `graceMs` milliseconds for those that run, then cuts them off. */
  close(graceMs: number): Promise<void>;
}

export function createGrpcFront(options: GrpcFrontOptions): GrpcFront {
  const { rollouts, mint, readiness, clock, log } = options;
  const failed = (error: PacelineError): void => {
    if (error.code === "internal") log.error({ err: error.cause ?? error }, error.message);
    options.failed?.(error);
  };
  const server = new Server({
    "grpc.max_receive_message_length": LIMITS.bodyBytes,
    "grpc.max_send_message_length": -1,
    "grpc.max_concurrent_streams": LIMITS.grpcStreamsPerConnection,
    // Channelz stays on: without it grpc-js (1.14.7) loses track of connections, and forceShutdown ends none.
    "grpc.enable_channelz": 1,
  });
  const health = createHealthHandlers(readiness);
  const served = createRolloutHandlers({ rollouts, mint, failed });
  for (const [service, methods] of Object.entries(NOT_SERVED)) {
    const { definition, handlers } = notServed(service, methods);
    if (service === "RolloutService") {
      server.addService({ ...ROLLOUT_SERVICE, ...definition }, { ...served, ...handlers });
    } else {
      server.addService(definition, handlers);
    }
  }
  server.addService(HEALTH_SERVICE, health.handlers);
  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
        server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
          if (error) reject(error);
          else resolve({ port: bound });
        });
      }),
    close: (graceMs) =>
      new Promise((resolve) => {
        health.close();
        const cut = clock.timer(graceMs, () => server.forceShutdown());
        server.tryShutdown(() => {
          cut.cancel();
          resolve();
        });
      }),
  };
}

/** Definition and handlers of a service's calls that are only answered UNIMPLEMENTED. */
function notServed(service: string, methods: Readonly<Record<string, Streams>>) {
  const definition: Record<string, ReturnType<typeof notServedMethod>> = {};
  const handlers: UntypedServiceImplementation = {};
  for (const [name, streams] of Object.entries(methods)) {
    definition[name] = notServedMethod(service, name, streams);
    const error = new PacelineError(
      "unimplemented",
      `${service}.${name} is not served over gRPC in this release; HTTP may have it`,
    );
    const unary: handleUnaryCall<Buffer, unknown> = (_call, callback) => callback(statusOf(error));
    const stream = (call: ServerWritableStream<Buffer, unknown>): void => {
      call.emit("error", statusOf(error));
    };
    handlers[name] = streams === "unary" ? unary : stream;
  }
  return { definition, handlers };
}
