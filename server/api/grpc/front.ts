/**
 * The gRPC front: the same service core and the same checks as HTTP, over grpc-js with definitions of
 * our own. What this release does not serve answers UNIMPLEMENTED with a typed error.
 */
import { type Server, ServerCredentials } from "@grpc/grpc-js";
import type { Logger } from "pino";
import protobuf from "protobufjs";
import type { Clock } from "../../contract/clock.ts";
import type { PacelineError } from "../../contract/errors.ts";
import { LIMITS } from "../../limits.ts";
import type { GroupParts } from "../../rollouts/group.ts";
import type { RolloutService } from "../../rollouts/service.ts";
import type { Summary } from "../../rollouts/summary.ts";
import type { Audit } from "../auth/audit.ts";
import type { Gatekeeper } from "../auth/gatekeeper.ts";
import type { LiveCertificates } from "../auth/live-certificates.ts";
import type { Mint } from "../codec/rollout.ts";
import { createSlowReaders } from "../slow-readers.ts";
import { type ControlParts, controlMethods, type Methods } from "./control-methods.ts";
import { describedService } from "./described-service.ts";
import { createGroupHandler } from "./group-handler.ts";
import { createGuard, GuardedServer } from "./guard.ts";
import { createHealthHandlers, type Readiness } from "./health-handlers.ts";
import { jobMethods } from "./job-methods.ts";
import { createGrpcListener } from "./listener.ts";
import { LiveCredentials } from "./live-credentials.ts";
import { createManyHandler } from "./many-handler.ts";
import { loadProtos } from "./protos.ts";
import { addReflection } from "./reflection.ts";
import { createRolloutHandlers } from "./rollout-handlers.ts";
import { HEALTH_SERVICE, ROLLOUT_SERVICE } from "./service-definitions.ts";
import { answerUnserved } from "./unserved.ts";

/** Bounds on those who connect; times in ms. */
interface GrpcBounds {
  /** Until a reader who takes nothing is cut; default `LIMITS.readerStallMs`. */
  readonly stallMs?: number;
  /** Connections at once; default `LIMITS.connections`. */
  readonly connections?: number;
  /** Calls of one connection at once; default `LIMITS.grpcStreamsPerConnection`. */
  readonly streamsPerConnection?: number;
  /** Default `LIMITS.grpcPingMs`. */
  readonly pingMs?: number;
  /** Default `LIMITS.grpcPingAnswerMs`. */
  readonly pingAnswerMs?: number;
  /** Until a connection without a call is closed; default `LIMITS.grpcIdleMs`. */
  readonly idleMs?: number;
  /** Until a TLS handshake is done; default `LIMITS.tlsHandshakeMs`. */
  readonly handshakeMs?: number;
}

export interface GrpcFrontOptions extends GrpcBounds {
  readonly rollouts: Pick<RolloutService, "submit" | "get" | "abort" | "abortJob" | "keep">;
  readonly mint: Mint;
  readonly control: ControlParts;
  /** Told of the summary of each call of many. */
  readonly summarised?: ((summary: Summary) => void) | undefined;
  /** Told of each group that has ended. */
  readonly grouped?: GroupParts["grouped"];
  /** Of one GenerateMany, unanswered at a time. Default `LIMITS.manyInFlight`. */
  readonly manyInFlight?: number;
  readonly readiness: Readiness;
  readonly clock: Clock;
  /** Who may make calls. */
  readonly gate: Gatekeeper;
  /** Told of every control call. */
  readonly audit: Audit;
  /** Null: without TLS. */
  readonly certificates: LiveCertificates | null;
  readonly log: Pick<Logger, "error">;
  /** Told of every error that a call ends in, for metrics. */
  readonly failed?: (error: PacelineError) => void;
}

export interface GrpcFront {
  /** Port 0 takes a free one. Rejects when the address cannot be bound. */
  listen(host: string, port: number): Promise<{ readonly port: number }>;
  /** Takes no new calls, waits `graceMs` milliseconds for those that run, then cuts them off. */
  close(graceMs: number): Promise<void>;
}

export function createGrpcFront(options: GrpcFrontOptions): GrpcFront {
  const { readiness, clock, log } = options;
  const failed = (error: PacelineError): void => {
    if (error.code === "internal") log.error({ err: error.cause ?? error }, error.message);
    options.failed?.(error);
  };
  const stallMs = options.stallMs ?? LIMITS.readerStallMs;
  const readers = createSlowReaders(clock, stallMs, failed);
  const server = new GuardedServer({
    interceptors: [createGuard({ ...options, failed, readers })],
    "grpc.max_receive_message_length": LIMITS.bodyBytes,
    "grpc.max_send_message_length": -1,
    "grpc.max_concurrent_streams": options.streamsPerConnection ?? LIMITS.grpcStreamsPerConnection,
    "grpc.keepalive_time_ms": options.pingMs ?? LIMITS.grpcPingMs,
    "grpc.keepalive_timeout_ms": options.pingAnswerMs ?? LIMITS.grpcPingAnswerMs,
    // No bound on a connection's age: one that is used is never closed under its calls.
    "grpc.max_connection_idle_ms": options.idleMs ?? LIMITS.grpcIdleMs,
    // Channelz stays on: without it grpc-js (1.14.7) loses track of connections, and forceShutdown ends none.
    "grpc.enable_channelz": 1,
  });
  const health = createHealthHandlers(readiness);
  addServices(server, options, failed);
  server.addService(HEALTH_SERVICE, health.handlers);
  addReflection(server);
  answerUnserved(server, failed);
  const credentials =
    options.certificates === null
      ? ServerCredentials.createInsecure()
      : new LiveCredentials(options.certificates, options.handshakeMs);
  const most = options.connections ?? LIMITS.connections;
  const listener = createGrpcListener(server, credentials, most, failed);
  return {
    listen: listener.listen,
    async close(graceMs) {
      const closed = listener.close();
      health.close();
      const cut = clock.timer(graceMs, () => {
        server.forceShutdown();
        listener.cut();
      });
      // Of connections that it was handed grpc-js says too early that they have ended.
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      await closed;
      cut.cancel();
    },
  };
}

function addServices(
  server: Server,
  {
    rollouts,
    mint,
    control,
    clock,
    manyInFlight = LIMITS.manyInFlight,
    summarised,
    grouped,
  }: GrpcFrontOptions,
  failed: (error: PacelineError) => void,
): void {
  const described = loadProtos().lookup("paceline.v1");
  if (!(described instanceof protobuf.Namespace)) throw new Error("no package paceline.v1");
  const methodsOf: Readonly<Record<string, Methods>> = {
    ...controlMethods(control),
    JobService: jobMethods({ jobs: control.jobs, rollouts }),
  };
  for (const service of described.nestedArray) {
    if (!(service instanceof protobuf.Service)) continue;
    if (service.name === "RolloutService") continue;
    const methods = methodsOf[service.name] ?? { unary: {} };
    const { definition, handlers } = describedService(service, methods, failed);
    server.addService(definition, handlers);
  }
  const { fleet, ledger } = control;
  server.addService(ROLLOUT_SERVICE, {
    ...createRolloutHandlers({ rollouts, mint, failed }),
    GenerateGroup: createGroupHandler({ rollouts, mint, failed, fleet, ledger, grouped }),
    GenerateMany: createManyHandler({
      rollouts,
      mint,
      failed,
      fleet,
      ledger,
      clock,
      inFlight: manyInFlight,
      summarised,
    }),
  });
}
