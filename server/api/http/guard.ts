/**
 * Who may make which call over HTTP, decided before the body is read, save for jobs that only the body
 * names. A route without an access cannot be registered.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../../contract/clock.ts";
import { type ErrorCode, PacelineError } from "../../contract/errors.ts";
import type { Access } from "../auth/access.ts";
import type { Audit, ControlCall } from "../auth/audit.ts";
import { ANYONE, assertJob, type Caller } from "../auth/caller.ts";
import type { Gatekeeper } from "../auth/gatekeeper.ts";
import { jobsInBody, jobsInTarget, type RouteAccess } from "./route-access.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    access?: RouteAccess;
  }
  interface FastifyRequest {
    /** Null where nobody asks who calls. */
    visit: Visit | null;
  }
}

export interface GuardOptions {
  readonly gate: Gatekeeper;
  readonly audit: Audit;
  readonly clock: Pick<Clock, "now">;
}

/** Files of the live page, which a plugin registers: they are the same for everybody. */
const PAGE_FILES = "/page/";

interface Visit {
  /** Null until the token is known. */
  caller: Caller | null;
  /** Counted in, to be counted out. */
  admitted: boolean;
  code: ErrorCode | null;
}

export const callerOf = ({ visit }: FastifyRequest): Caller => visit?.caller ?? ANYONE;

/** The call was answered with an error. */
export function endedIn({ visit }: FastifyRequest, code: ErrorCode): void {
  if (visit !== null) visit.code = code;
}

export function guard(app: FastifyInstance, options: GuardOptions): void {
  app.decorateRequest("visit", null);
  app.addHook("onRoute", ({ url, config }) => {
    if (config?.access === undefined && !url.startsWith(PAGE_FILES)) {
      throw new Error(`${url} does not say who may call it`);
    }
  });
  app.addHook("onRequest", (request, reply, done) => {
    const access = request.routeOptions.config.access;
    // What has none is no route, or a file of the page.
    if (access === undefined || access.scope === "none") return done();
    try {
      enter(request, reply, access, options);
    } catch (thrown) {
      return done(PacelineError.from(thrown));
    }
    done();
  });
  app.addHook("preHandler", (request, _reply, done) => {
    const access = request.routeOptions.config.access;
    const caller = callerOf(request);
    if (access === undefined || caller.jobs === null) return done();
    try {
      for (const job of jobsInBody(access, request.body)) assertJob(caller, job);
    } catch (thrown) {
      return done(PacelineError.from(thrown));
    }
    done();
  });
}

function enter(
  request: FastifyRequest,
  reply: FastifyReply,
  access: RouteAccess,
  { gate, audit, clock }: GuardOptions,
): void {
  const visit: Visit = { caller: null, admitted: false, code: null };
  request.visit = visit;
  const startedAt = clock.now();
  reply.raw.once("close", () => {
    if (visit.caller !== null && visit.admitted) gate.leave(visit.caller);
    if (access.audited) audit(controlCall(request, reply, access, visit, clock.now() - startedAt));
  });
  visit.caller = gate.identify(request.headers.authorization);
  gate.admit(visit.caller, access);
  visit.admitted = true;
  for (const job of jobsInTarget(access, request)) assertJob(visit.caller, job);
}

function controlCall(
  request: FastifyRequest,
  reply: FastifyReply,
  { call }: Access,
  { caller, code }: Visit,
  ms: number,
): ControlCall {
  const params = Object.entries(request.params ?? {});
  return {
    who: caller?.name ?? null,
    call,
    target: Object.fromEntries(params.map(([name, value]) => [name, String(value)])),
    outcome: code ?? (reply.raw.writableFinished ? "ok" : "disconnected"),
    peer: request.ip,
    ms,
  };
}
