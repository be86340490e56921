/** The HTTP front: one table of routes, a handler for each that is served, a typed refusal for all else. */
import type { FastifyInstance } from "fastify";
import type { Clock } from "../../contract/clock.ts";
import { PacelineError } from "../../contract/errors.ts";
import type { Fleet } from "../../fleet/fleet.ts";
import type { Jobs } from "../../jobs/jobs.ts";
import { LIMITS } from "../../limits.ts";
import type { WorkerControl } from "../../placement/worker-control.ts";
import type { Ledger } from "../../policy/ledger.ts";
import type { GroupParts } from "../../rollouts/group.ts";
import type { RolloutService } from "../../rollouts/service.ts";
import type { Summary } from "../../rollouts/summary.ts";
import type { Sessions } from "../../sessions/sessions.ts";
import type { Publisher } from "../../weights/publisher.ts";
import type { Audit } from "../auth/audit.ts";
import type { Gatekeeper } from "../auth/gatekeeper.ts";
import type { LiveCertificates } from "../auth/live-certificates.ts";
import type { Mint } from "../codec/rollout.ts";
import { eventRoutes, type LifeCycleSource } from "./events.ts";
import { groupRoutes } from "./groups.ts";
import { type HealthRoutes, healthRoutes } from "./health.ts";
import { jobRoutes } from "./jobs.ts";
import type { ListenerTimes } from "./listener.ts";
import { manyRoutes } from "./many.ts";
import { openapiRoutes } from "./openapi.ts";
import { pageRoutes, registerPageFiles } from "./page.ts";
import { policyRoutes } from "./policies.ts";
import type { Handler } from "./request.ts";
import { rolloutRoutes } from "./rollouts.ts";
import { accessOfRoute, REFUSAL_ACCESS, type RouteAccess } from "./route-access.ts";
import { ROUTES, type Route, routerPath, type ServedCall } from "./route-table.ts";
import { createServer } from "./server.ts";
import { sessionRoutes } from "./sessions.ts";
import { sideRoutes } from "./side.ts";
import { createStreams, type Streams } from "./streams.ts";
import { workerRoutes } from "./workers.ts";

export interface HttpFrontOptions extends ListenerTimes {
  /** Of the package, for `/openapi.json`. */
  readonly version: string;
  /** How long `close` lets replies in progress end, ms; default 5,000. */
  readonly closeGraceMs?: number;
  /** Default `LIMITS.sseHeartbeatMs`. */
  readonly heartbeatMs?: number;
  /** Default `LIMITS.controlStreams`. */
  readonly controlStreams?: number;
  /** Default `LIMITS.manyInFlight`. */
  readonly manyInFlight?: number;
}

export interface HttpFrontParts extends HealthRoutes {
  readonly rollouts: RolloutService;
  readonly sessions: Pick<Sessions, "finish">;
  readonly fleet: Fleet;
  readonly ledger: Ledger;
  readonly publisher: Publisher;
  readonly jobs: Pick<Jobs, "list" | "get" | "declare" | "report">;
  readonly control: WorkerControl;
  readonly lifeCycle: LifeCycleSource;
  readonly mint: Mint;
  /** Told of the summary of each call of many. */
  readonly summarised?: ((summary: Summary) => void) | undefined;
  /** Told of each group that has ended. */
  readonly grouped?: GroupParts["grouped"];
  readonly clock: Clock;
  /** Who may make calls. */
  readonly gate: Gatekeeper;
  /** Told of every control call. */
  readonly audit: Audit;
  /** Null: without TLS. */
  readonly certificates: LiveCertificates | null;
  /** Told of every error that is answered: `paceline_errors_total{code,boundary}`. */
  readonly failed: (error: PacelineError) => void;
  /** Defects only; requests are counted, not logged. */
  readonly log: { error(details: object, message: string): void };
  /** Adds routes of others, such as dialects' under `/jobs/{job}`. */
  readonly extend?: (app: FastifyInstance) => void;
  readonly options: HttpFrontOptions;
}

export interface HttpFront {
  /** Throws what `listen` throws (`EADDRINUSE`, …). Port 0 takes a free one. */
  listen(host: string, port: number): Promise<{ port: number }>;
  /**
   * Takes no new connections, ends control streams, lets the rest end within `closeGraceMs`. Drain
   * the rollouts first: those still running are cut off from their readers.
   */
  close(): Promise<void>;
}

export function createHttpFront(parts: HttpFrontParts): HttpFront {
  const { clock, options } = parts;
  const streams = createStreams(clock, {
    heartbeatMs: options.heartbeatMs ?? LIMITS.sseHeartbeatMs,
    controlStreams: options.controlStreams ?? LIMITS.controlStreams,
  });
  const failed = (error: PacelineError): void => {
    parts.failed(error);
    if (error.code === "internal") parts.log.error({ err: error.cause ?? error }, error.message);
  };
  const app = createServer({ ...parts, ...options }, failed);
  const handlers = handlersOf(parts, streams, failed);
  for (const route of ROUTES) register(app, route, handlers);
  registerOtherMethods(app);
  parts.extend?.(app);

  return {
    async listen(host, port) {
      await registerPageFiles(app);
      await app.listen({ host, port });
      const address = app.server.address();
      if (address === null || typeof address === "string") throw new Error("no TCP address");
      return { port: address.port };
    },
    async close() {
      streams.close();
      const grace = clock.timer(options.closeGraceMs ?? 5_000, () =>
        app.server.closeAllConnections(),
      );
      await app.close();
      grace.cancel();
    },
  };
}

function handlersOf(
  parts: HttpFrontParts,
  streams: Streams,
  failed: (error: PacelineError) => void,
): Record<ServedCall, Handler> {
  const { rollouts, fleet, ledger, publisher, mint, control, lifeCycle, clock, options } = parts;
  const inFlight = options.manyInFlight ?? LIMITS.manyInFlight;
  return {
    ...rolloutRoutes({ rollouts, mint, streams, failed }),
    ...manyRoutes({
      rollouts,
      fleet,
      ledger,
      clock,
      inFlight,
      summarised: parts.summarised,
      mint,
      streams,
      failed,
    }),
    ...groupRoutes({
      ...{ rollouts, fleet, ledger, mint, streams, failed },
      grouped: parts.grouped,
    }),
    ...sessionRoutes(parts),
    ...sideRoutes({ rollouts }),
    ...workerRoutes({ fleet, ledger, control }),
    ...policyRoutes({ ledger, fleet, publisher, streams, failed }),
    ...jobRoutes({ jobs: parts.jobs, rollouts }),
    ...eventRoutes({ lifeCycle, streams, failed }),
    ...healthRoutes(parts),
    ...openapiRoutes(options.version),
    ...pageRoutes(),
  };
}

function register(
  app: FastifyInstance,
  route: Route,
  handlers: Readonly<Record<string, Handler>>,
): void {
  const { method, path, call, served } = route;
  const access = accessOfRoute(route);
  const handler = handlers[call];
  if (served && handler === undefined) throw new Error(`${call} has no handler`);
  if (served && handler !== undefined) {
    app.route({ method, url: routerPath(path), config: { access }, handler });
    return;
  }
  // Refused before the body is read.
  refuse(app, [method], path, access, () => {
    throw new PacelineError("unimplemented", `this release does not serve ${method} ${path}`);
  });
}

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;

function registerOtherMethods(app: FastifyInstance): void {
  const allowed = new Map<string, string[]>();
  for (const { method, path } of ROUTES) {
    const of = allowed.get(routerPath(path)) ?? [];
    of.push(method);
    allowed.set(routerPath(path), of);
  }
  for (const [path, allow] of allowed) {
    const others = METHODS.filter((method) => !allow.includes(method));
    refuse(app, others, path, REFUSAL_ACCESS, () => {
      throw new PacelineError("method_not_allowed", `this path takes ${allow.join(", ")}`, {
        details: { allow },
      });
    });
  }
}

function refuse(
  app: FastifyInstance,
  methods: readonly string[],
  path: string,
  access: RouteAccess,
  raise: () => never,
): void {
  app.route({
    method: [...methods],
    url: routerPath(path),
    config: { access },
    onRequest: raise,
    handler: raise,
  });
}
