/** What machines ask of the process itself: does it live, may traffic come, how does it do. */
import { type ErrorCode, PacelineError } from "../../contract/errors.ts";
import { type Handler, sendJson } from "./request.ts";

type HealthCall = "alive" | "ready" | "metrics" | "overview";

export interface Readiness {
  readonly ready: boolean;
  /** Why not, in words; empty when ready. */
  readonly reasons: readonly string[];
  /** The error that says so; default `no_eligible_worker`, `shutting_down` while draining. */
  readonly code?: ErrorCode;
}

export interface HealthRoutes {
  readonly readiness: () => Readiness;
  readonly metrics: { text(): Promise<string>; readonly contentType: string };
  /** What the live page shows. */
  readonly overview: () => unknown;
}

export function healthRoutes(context: HealthRoutes): Record<HealthCall, Handler> {
  return {
    alive: (_request, reply) => sendJson(reply, '{"alive":true}'),
    ready: (_request, reply) => {
      const { ready, reasons, code = "no_eligible_worker" } = context.readiness();
      if (ready) return sendJson(reply, '{"ready":true}');
      throw new PacelineError(code, `not ready: ${reasons.join("; ")}`, { details: { reasons } });
    },
    metrics: async (_request, reply) =>
      reply.header("content-type", context.metrics.contentType).send(await context.metrics.text()),
    overview: (_request, reply) => {
      reply.header("cache-control", "no-store");
      return sendJson(reply, JSON.stringify(context.overview()));
    },
  };
}
