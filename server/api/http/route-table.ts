/**
 * Every path of the public surface, in one table. What is served here has a handler of its `call`'s
 * name, which the compiler demands; the rest answers 501. `/openapi.json` and the 405s come from the
 * same rows.
 */
import type { Scope } from "../auth/access.ts";

export type Method = "GET" | "POST" | "PUT" | "DELETE";

export interface Route {
  readonly call: string;
  readonly method: Method;
  /** With `{name}` for parameters, as OpenAPI writes them. */
  readonly path: string;
  /** Of the token that is asked for where tokens are set; a wider one will do. */
  readonly scope: Scope;
  readonly summary: string;
  /** False: part of the surface, answered with `unimplemented`. */
  readonly served: boolean;
}

const served = <const C extends string>(
  call: C,
  method: Method,
  path: string,
  scope: Scope,
  summary: string,
) => ({ call, method, path, scope, summary, served: true }) as const;

const later = (
  call: string,
  method: Method,
  path: string,
  scope: Scope,
  summary: string,
): Route => ({ call, method, path, scope, summary, served: false });

const VERSION = "/v1/policies/{policy}/versions/{version}";

export const SERVED_ROUTES = [
  served("submitRollout", "POST", "/v1/rollouts", "generate", "Run one rollout"),
  served(
    "getRollout",
    "GET",
    "/v1/rollouts/{id}",
    "read",
    "State, Result, or the rest of a stream",
  ),
  served("abortRollout", "DELETE", "/v1/rollouts/{id}", "generate", "Abort; the partial Result"),
  served(
    "submitMany",
    "POST",
    "/v1/rollouts/many",
    "generate",
    "Many rollouts, answered as they end",
  ),
  served("submitGroup", "POST", "/v1/groups", "generate", "Siblings of one prompt"),
  served("readSide", "GET", "/v1/side/{ref}", "read", "Side data that a Result names"),
  served("finishSession", "POST", "/v1/sessions/{id}/finish", "generate", "A session is over"),
  served("listWorkers", "GET", "/v1/workers", "read", "All workers"),
  served("registerWorker", "POST", "/v1/workers", "admin", "Probe and register a worker"),
  served("getWorker", "GET", "/v1/workers/{id}", "read", "One worker"),
  served("removeWorker", "DELETE", "/v1/workers/{id}", "admin", "Remove, after an optional drain"),
  served("renewWorker", "POST", "/v1/workers/{id}/lease", "admin", "Renew a worker's lease"),
  served("pauseWorker", "POST", "/v1/workers/{id}/pause", "admin", "Pause the whole engine"),
  served("resumeWorker", "POST", "/v1/workers/{id}/resume", "admin", "End a pause"),
  served("flushWorker", "POST", "/v1/workers/{id}/flush", "admin", "Drop cached KV nobody holds"),
  served(
    "sleepWorker",
    "POST",
    "/v1/workers/{id}/sleep",
    "admin",
    "Move its rollouts, free its KV",
  ),
  served("wakeWorker", "POST", "/v1/workers/{id}/wake", "admin", "End its sleep"),
  served("pausePool", "POST", "/v1/pools/{pool}/pause", "admin", "Pause all of a pool"),
  served("resumePool", "POST", "/v1/pools/{pool}/resume", "admin", "Resume all of a pool"),
  served("flushPool", "POST", "/v1/pools/{pool}/flush", "admin", "Flush all of a pool"),
  served("sleepPool", "POST", "/v1/pools/{pool}/sleep", "admin", "Put all of a pool to sleep"),
  served("wakePool", "POST", "/v1/pools/{pool}/wake", "admin", "Wake all of a pool"),
  served("listPolicies", "GET", "/v1/policies", "read", "All policies"),
  served("getPolicy", "GET", "/v1/policies/{policy}", "read", "Versions, and who holds them"),
  served("declarePolicy", "PUT", "/v1/policies/{policy}", "admin", "Declare or change a policy"),
  served("openRun", "POST", "/v1/policies/{policy}/runs", "admin", "Fence the former publisher"),
  served("rollbackVersion", "POST", `${VERSION}/rollback`, "admin", "Publish old content anew"),
  served("publishVersion", "POST", "/v1/policies/{policy}/versions", "admin", "Publish a version"),
  served("getVersion", "GET", VERSION, "read", "State and progress by worker"),
  served("abortVersion", "POST", `${VERSION}/abort`, "admin", "Give up before the commit"),
  served("gateVersion", "POST", `${VERSION}/gate`, "admin", "Gate the workers for a foreign mover"),
  served("commitVersion", "POST", `${VERSION}/commit`, "admin", "Commit with proofs"),
  served("listJobs", "GET", "/v1/jobs", "read", "Settings, load and lag of all jobs"),
  served("getJob", "GET", "/v1/jobs/{job}", "read", "Settings, load and lag"),
  served("declareJob", "PUT", "/v1/jobs/{job}", "admin", "A job's settings, all of them"),
  served("reportTrainer", "POST", "/v1/jobs/{job}/trainer", "generate", "The trainer's step"),
  served("abortJob", "POST", "/v1/jobs/{job}/abort", "generate", "Abort a job's rollouts"),
  served("readEvents", "GET", "/v1/events", "read", "Life-cycle events from an offset"),
  served("alive", "GET", "/healthz", "none", "The process lives"),
  served("ready", "GET", "/readyz", "none", "Traffic may come"),
  served("metrics", "GET", "/metrics", "read", "Prometheus text"),
  served("openapi", "GET", "/openapi.json", "none", "This description"),
  served("docs", "GET", "/docs", "none", "A page for /openapi.json"),
  served("overview", "GET", "/overview.json", "read", "What the live page shows; not a contract"),
  served("page", "GET", "/", "none", "The live page"),
] as const;

export type ServedCall = (typeof SERVED_ROUTES)[number]["call"];

const SUBMISSION = "/v1/submissions/{id}";
const FEED = "/v1/feeds/{job}";

export const LATER_ROUTES: readonly Route[] = [
  later("createSubmission", "POST", "/v1/submissions", "generate", "A durable order of rollouts"),
  later("getSubmission", "GET", SUBMISSION, "read", "Its progress"),
  ...(["pause", "resume", "cancel"] as const).map((verb) =>
    later(`${verb}Submission`, "POST", `${SUBMISSION}/${verb}`, "generate", `${verb} it`),
  ),
  later("getFeed", "GET", FEED, "read", "A feed's counts and cursor"),
  later("leaseFeed", "POST", `${FEED}/lease`, "generate", "Lease a hand-out as Arrow"),
  later("ackLease", "POST", `${FEED}/leases/{lease}/ack`, "generate", "Acknowledge a hand-out"),
  later("releaseLease", "POST", `${FEED}/leases/{lease}/release`, "generate", "Give it back"),
  later("rewindFeed", "POST", `${FEED}/rewind`, "generate", "Hand out again from a cursor"),
  later("reward", "POST", "/v1/rewards", "generate", "Attach rewards"),
];

export const ROUTES: readonly Route[] = [...SERVED_ROUTES, ...LATER_ROUTES];

/** fastify's spelling of a path. */
export const routerPath = (path: string): string => path.replace(/\{(\w+)\}/g, ":$1");
