/**
 * Which jobs each served route touches, and where its request names them. The compiler demands a row
 * for each call, so that no route can be served that a token bound to jobs was not thought of.
 */
import type { FastifyRequest } from "fastify";
import type { Access } from "../auth/access.ts";
import type { Route, ServedCall } from "./route-table.ts";

/**
 * Where the job stands: `query`: `?job=`; `path`: `{job}`; `body`: `job`; `many`: each rollout's `job`,
 * or the defaults'. The others are as in `Access`.
 */
type JobRule = "query" | "path" | "body" | "many" | "filtered" | "fleet" | "all";

export interface RouteAccess extends Access {
  /** `mount`: the job that the listener or its path is for. */
  readonly named: Extract<JobRule, "query" | "path" | "body" | "many"> | "mount" | null;
  /** Of a `mount`. */
  readonly job: string | null;
}

const JOBS: Readonly<Record<ServedCall, JobRule>> = {
  submitRollout: "body",
  getRollout: "query",
  abortRollout: "query",
  submitMany: "many",
  submitGroup: "body",
  finishSession: "query",
  readSide: "query",
  // A trainer needs to see what serves it: workers and policies are of no job.
  listWorkers: "fleet",
  getWorker: "fleet",
  listPolicies: "fleet",
  getPolicy: "fleet",
  getVersion: "fleet",
  // What happens to a worker or a policy happens to every job.
  registerWorker: "all",
  removeWorker: "all",
  renewWorker: "all",
  pauseWorker: "all",
  resumeWorker: "all",
  flushWorker: "all",
  sleepWorker: "all",
  wakeWorker: "all",
  pausePool: "all",
  resumePool: "all",
  sleepPool: "all",
  wakePool: "all",
  flushPool: "all",
  declarePolicy: "all",
  publishVersion: "all",
  openRun: "all",
  gateVersion: "all",
  commitVersion: "all",
  abortVersion: "all",
  rollbackVersion: "all",
  listJobs: "all",
  getJob: "path",
  declareJob: "path",
  reportTrainer: "path",
  abortJob: "path",
  readEvents: "filtered",
  // Figures of all jobs together, some of them by job.
  metrics: "all",
  overview: "all",
  alive: "fleet",
  ready: "fleet",
  openapi: "fleet",
  docs: "fleet",
  page: "fleet",
};

/** Calls of scope `admin` that come every few seconds from each worker: no news for an audit. */
const QUIET: ReadonlySet<string> = new Set<ServedCall>(["renewWorker"]);

const isServed = (call: string): call is ServedCall => Object.hasOwn(JOBS, call);

export function accessOfRoute({ call, scope }: Pick<Route, "call" | "scope">): RouteAccess {
  // What is not served yet touches nothing.
  const rule = isServed(call) ? JOBS[call] : "fleet";
  const audited = scope === "admin" && !QUIET.has(call);
  switch (rule) {
    case "filtered":
    case "fleet":
    case "all":
      return { call, scope, audited, jobs: rule, named: null, job: null };
    default:
      return { call, scope, audited, jobs: "named", named: rule, job: null };
  }
}

/** Beside a route's own methods: it only says which those are. */
export const REFUSAL_ACCESS: RouteAccess = accessOfRoute({ call: "refuse", scope: "none" });

/** Jobs that the request line names. */
export function jobsInTarget(access: RouteAccess, request: FastifyRequest): readonly string[] {
  const { named, job } = access;
  if (named === "mount") return job === null ? [] : [job];
  if (named === "query") return [jobIn(request.query)];
  return named === "path" ? [jobIn(request.params)] : [];
}

/** Jobs that the body names, read as its decoder will. What is no job's name it refuses itself. */
export function* jobsInBody({ named }: RouteAccess, body: unknown): Generator<string> {
  if (named === "body") yield jobIn(body);
  if (named !== "many") return;
  const fallback = jobIn(field(body, "defaults"));
  const rollouts = field(body, "rollouts");
  if (!Array.isArray(rollouts)) return;
  for (const rollout of rollouts) yield jobIn(rollout, fallback);
}

function jobIn(holder: unknown, fallback = "default"): string {
  const job = field(holder, "job");
  return typeof job === "string" ? job : fallback;
}

const field = (holder: unknown, name: string): unknown =>
  typeof holder === "object" && holder !== null ? Reflect.get(holder, name) : undefined;
