/** Puts a dialect's routes on a server: each with its access, errors in the dialect's shape, 405 beside them. */
import type { FastifyInstance, FastifyReply } from "fastify";
import { PacelineError } from "../../contract/errors.ts";
import { JSON_TYPE } from "../http/errors.ts";
import type { RouteAccess } from "../http/route-access.ts";
import { routerPath } from "../http/route-table.ts";
import { answerErrors, answerUnknownPaths } from "../http/server.ts";
import type { Dialect, DialectContext, DialectRoute } from "./dialect.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;

/** Path under which a job's dialect lies on the main port. */
export const jobPath = (job: string): string => `/jobs/${job}`;

/** An answer to whatever was thrown, for fastify's hooks. */
export const answerOf =
  (dialect: Dialect) =>
  (reply: FastifyReply, error: PacelineError): void => {
    const { status, body } = dialect.error(error);
    if (error.retryAfterMs !== undefined) {
      reply.header("retry-after", Math.ceil(error.retryAfterMs / 1000));
    }
    reply.code(status).header("content-type", JSON_TYPE).send(body);
  };

/** On a server of its own, whose errors are the dialect's already. */
export function mountAtRoot(app: FastifyInstance, dialect: Dialect, context: DialectContext): void {
  registerRoutes(app, dialect, context);
}

/** Beside the main front's routes. */
export function mountUnderJob(
  app: FastifyInstance,
  dialect: Dialect,
  context: DialectContext,
): void {
  // A colon in a path begins a parameter; two are one.
  const prefix = jobPath(context.job).replaceAll(":", "::");
  app.register(
    (scope, _options, done) => {
      answerErrors(scope, context.failed, answerOf(dialect));
      answerUnknownPaths(scope);
      registerRoutes(scope, dialect, context);
      done();
    },
    { prefix },
  );
}

function registerRoutes(app: FastifyInstance, dialect: Dialect, context: DialectContext): void {
  const allowed = new Map<string, string[]>();
  for (const route of dialect.routes(context)) {
    const url = routerPath(route.path);
    const { method, handler } = route;
    app.route({ method, url, config: { access: accessOf(dialect, route, context) }, handler });
    allowed.set(url, [...(allowed.get(url) ?? []), method]);
  }
  for (const [url, allow] of allowed) {
    const raise = (): never => {
      throw new PacelineError("method_not_allowed", `this path takes ${allow.join(", ")}`, {
        details: { allow },
      });
    };
    app.route({
      method: METHODS.filter((method) => !allow.includes(method)),
      url,
      config: { access: REFUSED },
      onRequest: raise,
      handler: raise,
    });
  }
}

const REFUSED: RouteAccess = {
  call: "refuse",
  scope: "none",
  audited: false,
  jobs: "fleet",
  named: null,
  job: null,
};

function accessOf(
  { name }: Dialect,
  { method, path, scope, touches }: DialectRoute,
  { job }: DialectContext,
): RouteAccess {
  const call = `${name} ${method} ${path}`;
  const audited = scope === "admin";
  return touches === "job"
    ? { call, scope, audited, jobs: "named", named: "mount", job }
    : { call, scope, audited, jobs: touches, named: null, job: null };
}
