/** The standard health service: the whole server ("") and RolloutService, which are one. */
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  type ServerWritableStream,
  status,
} from "@grpc/grpc-js";
import { grpc } from "../../../proto/gen/paceline.js";

const { HealthCheckRequest, HealthCheckResponse } = grpc.health.v1;
const { ServingStatus } = HealthCheckResponse;

type Reply = grpc.health.v1.HealthCheckResponse.$Properties;
type Watch = ServerWritableStream<Buffer, Reply>;

/** Whether the server may take traffic, as `/readyz` says. */
export interface Readiness {
  ready(): boolean;
  /** Calls back after each change; returns how to stop it. */
  listen(changed: () => void): () => void;
}

const SERVICES: ReadonlySet<string> = new Set(["", "paceline.v1.RolloutService"]);

export function createHealthHandlers(readiness: Readiness) {
  /** Each open stream, with what tells it the present status if that has changed. */
  const watches = new Map<Watch, () => void>();
  let closed = false;
  const now = (): Reply => ({
    status: !closed && readiness.ready() ? ServingStatus.SERVING : ServingStatus.NOT_SERVING,
  });

  const Check: handleUnaryCall<Buffer, Reply> = (call, callback) => {
    const service = serviceOf(call.request);
    if (service !== null && SERVICES.has(service)) callback(null, now());
    else callback({ code: status.NOT_FOUND, details: `unknown service ${service}` });
  };

  const Watch: handleServerStreamingCall<Buffer, Reply> = (call) => {
    const service = serviceOf(call.request);
    const known = service !== null && SERVICES.has(service);
    let last: Reply["status"];
    const tell = (): void => {
      // A service that is not known may be one day, says the protocol: the stream stays open.
      const reply = known ? now() : { status: ServingStatus.SERVICE_UNKNOWN };
      if (reply.status === last) return;
      last = reply.status;
      call.write(reply);
    };
    const stop = readiness.listen(tell);
    const leave = (): void => {
      stop();
      watches.delete(call);
    };
    watches.set(call, tell);
    call.once("cancelled", leave);
    call.once("finish", leave);
    tell();
    if (closed) call.end();
  };

  return {
    handlers: { Check, Watch },
    /** Tells every watcher that nothing more is served, and ends their streams. */
    close(): void {
      closed = true;
      for (const [call, tell] of [...watches]) {
        tell();
        call.end();
      }
    },
  };
}

/** `null`: bytes that are no request, and name no service. */
function serviceOf(bytes: Buffer): string | null {
  try {
    return HealthCheckRequest.decode(bytes).service;
  } catch {
    return null;
  }
}
