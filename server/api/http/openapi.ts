/** `/openapi.json`, generated from the route table and the contract's zod schemas. */
import { z } from "zod";
import { ARROW_TYPE } from "../../arrow/rollout-stream.ts";
import { ERRORS } from "../../contract/errors.ts";
import {
  createLeaseSchema,
  createRegistrationSchema,
  pause,
  worker,
} from "../../contract/schema-fleet.ts";
import {
  abortedJob,
  createJobSchema,
  createJobSettingsSchema,
  createJobsSchema,
  trainerReport,
} from "../../contract/schema-job.ts";
import {
  createDefaultsSchema,
  createGroupSchema,
  groupSummary,
  manyNeed,
  manySummary,
  rolloutError,
  rolloutKept,
} from "../../contract/schema-many.ts";
import {
  createExternalCommitSchema,
  declaration,
  policy,
  publication,
  publicationProgress,
  rollback,
  run,
  runOpening,
} from "../../contract/schema-policy.ts";
import { createResultSchema, error, progress } from "../../contract/schema-result.ts";
import { createRolloutSchema } from "../../contract/schema-rollout.ts";
import { LIMITS } from "../../limits.ts";
import type { Handler } from "./request.ts";
import { sendJson } from "./request.ts";
import { ROUTES, type Route, type ServedCall } from "./route-table.ts";

type Json = Readonly<Record<string, unknown>>;

/** Named schemas: what is sent is described as input, what is answered as output. */
const SCHEMAS = (): Readonly<Record<string, z.ZodType>> => ({
  Rollout: createRolloutSchema("json", LIMITS),
  RolloutB64: createRolloutSchema("b64", LIMITS),
  Result: createResultSchema("json", LIMITS),
  ResultB64: createResultSchema("b64", LIMITS),
  Many: z.strictObject({
    rollouts: z.array(createRolloutSchema("json", LIMITS)).min(1).max(LIMITS.manyRollouts),
    defaults: createDefaultsSchema("json", LIMITS).nullish(),
    need: manyNeed().nullish(),
  }),
  ManyLine: z.union([
    createResultSchema("json", LIMITS),
    rolloutError(),
    rolloutKept(),
    z.strictObject({ summary: manySummary() }),
  ]),
  Group: createGroupSchema("json", LIMITS),
  GroupB64: createGroupSchema("b64", LIMITS),
  Siblings: z.strictObject({
    group: groupSummary(),
    rollouts: z.array(z.union([createResultSchema("json", LIMITS), rolloutError()])),
  }),
  FinishedSession: z.strictObject({
    id: z.string(),
    job: z.string(),
    turns: z.int(),
    branches: z.int(),
  }),
  Progress: progress(),
  Error: z.strictObject({ error: error() }),
  Registration: createRegistrationSchema(LIMITS),
  Lease: createLeaseSchema(LIMITS),
  Pause: pause(),
  Worker: worker(),
  Workers: z.strictObject({ workers: z.array(worker()) }),
  Declaration: declaration(),
  Policy: policy(),
  Policies: z.strictObject({ policies: z.array(policy()) }),
  Publication: publication(),
  PublicationProgress: publicationProgress(),
  RunOpening: runOpening(),
  Run: run(),
  Rollback: rollback(),
  ExternalCommit: createExternalCommitSchema(LIMITS),
  JobSettings: createJobSettingsSchema(LIMITS),
  Job: createJobSchema(LIMITS),
  Jobs: createJobsSchema(LIMITS),
  TrainerReport: trainerReport(),
  AbortedJob: abortedJob(),
});

interface Shape {
  readonly body?: readonly string[];
  readonly reply?: readonly string[];
  readonly status?: readonly number[];
  readonly streams?: readonly string[];
  readonly query?: Readonly<Record<string, string>>;
  /** Media type of a reply that is not JSON. */
  readonly media?: string;
}

const BEARER = "bearer";
const SSE = "text/event-stream";
const JOB = "Scope of the id; default `default`";
const ENCODING = "`json` (default) or `b64`";

const SHAPES: Readonly<Record<ServedCall, Shape>> = {
  submitRollout: {
    body: ["Rollout", "RolloutB64"],
    reply: ["Result", "ResultB64"],
    streams: [SSE, ARROW_TYPE],
  },
  submitMany: {
    body: ["Many"],
    reply: ["ManyLine"],
    media: "application/x-ndjson",
    streams: [ARROW_TYPE],
  },
  submitGroup: { body: ["Group", "GroupB64"], reply: ["Siblings"], streams: [SSE, ARROW_TYPE] },
  getRollout: {
    reply: ["Progress", "Result", "ResultB64"],
    streams: [SSE, ARROW_TYPE],
    query: {
      job: JOB,
      encoding: ENCODING,
      timeline: "`1`: progress, and when what happened to it",
    },
  },
  abortRollout: {
    reply: ["Result", "ResultB64"],
    streams: [ARROW_TYPE],
    query: { job: JOB, encoding: ENCODING },
  },
  readSide: { media: "application/octet-stream", status: [206], query: { job: JOB } },
  finishSession: { reply: ["FinishedSession"], query: { job: JOB } },
  listWorkers: { reply: ["Workers"] },
  registerWorker: { body: ["Registration"], reply: ["Worker"] },
  getWorker: { reply: ["Worker"] },
  removeWorker: {
    query: {
      drain: "`finish`: wait for its rollouts; `migrate`: move them at once",
      timeout_ms: "Longest wait of `finish`",
    },
  },
  renewWorker: { body: ["Lease"], reply: ["Worker"] },
  pauseWorker: { body: ["Pause"], reply: ["Worker"] },
  resumeWorker: { reply: ["Worker"] },
  flushWorker: { reply: ["Worker"] },
  sleepWorker: { reply: ["Worker"] },
  wakeWorker: { reply: ["Worker"] },
  pausePool: { body: ["Pause"], reply: ["Workers"] },
  resumePool: { reply: ["Workers"] },
  flushPool: { reply: ["Workers"] },
  sleepPool: { reply: ["Workers"] },
  wakePool: { reply: ["Workers"] },
  listPolicies: { reply: ["Policies"] },
  getPolicy: { reply: ["Policy"] },
  declarePolicy: { body: ["Declaration"], reply: ["Policy"] },
  publishVersion: {
    body: ["Publication"],
    reply: ["PublicationProgress"],
    status: [202, 200],
    query: { wait: "`committed`: answer 200 once committed" },
  },
  openRun: { body: ["RunOpening"], reply: ["Run"] },
  rollbackVersion: {
    body: ["Rollback"],
    reply: ["PublicationProgress"],
    status: [202, 200],
    query: { wait: "`committed`: answer 200 once committed" },
  },
  getVersion: { reply: ["PublicationProgress"], streams: [SSE] },
  gateVersion: { reply: ["PublicationProgress"] },
  commitVersion: { body: ["ExternalCommit"], reply: ["PublicationProgress"] },
  abortVersion: { reply: ["PublicationProgress"] },
  listJobs: { reply: ["Jobs"] },
  getJob: { reply: ["Job"] },
  declareJob: { body: ["JobSettings"], reply: ["Job"] },
  reportTrainer: { body: ["TrainerReport"], reply: ["Job"] },
  abortJob: { reply: ["AbortedJob"] },
  readEvents: {
    media: "application/x-ndjson",
    streams: [SSE],
    query: { from: "First offset; default 0", follow: "`false`: end after what is there" },
  },
  alive: {},
  ready: {},
  metrics: { media: "text/plain" },
  openapi: {},
  docs: { media: "text/html" },
  overview: {},
  page: { media: "text/html" },
};

const BODY_MAY_BE_ABSENT: ReadonlySet<string> = new Set(["pauseWorker", "rollbackVersion"]);

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const schemaOf = (names: readonly string[]): Json =>
  names.length === 0
    ? {}
    : names.length === 1
      ? ref(names[0] as string)
      : { oneOf: names.map(ref) };

export function openapiDocument(version: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of ROUTES) {
    const path = paths[route.path] ?? {};
    path[route.method.toLowerCase()] = operation(route);
    paths[route.path] = path;
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Paceline",
      version,
      description:
        "Token ids in, accounted tokens out. Operations with x-served: false answer 501.",
    },
    paths,
    components: {
      schemas: componentSchemas(),
      securitySchemes: {
        [BEARER]: {
          type: "http",
          scheme: "bearer",
          description: "A token of the tokens file; a server without one asks nobody.",
        },
      },
    },
  };
}

function operation(route: Route): Json {
  const shape: Shape = route.served ? SHAPES[route.call as ServedCall] : {};
  const content = {
    [shape.media ?? "application/json"]: { schema: schemaOf(shape.reply ?? []) },
    ...Object.fromEntries((shape.streams ?? []).map((type) => [type, { schema: {} }])),
  };
  const replies = (shape.status ?? [200]).map((status) => [
    String(status),
    { description: route.summary, content },
  ]);
  const error = {
    description: "A typed error",
    content: { "application/json": { schema: ref("Error") } },
  };
  return {
    operationId: route.call,
    summary: route.summary,
    // The scope stands where OpenAPI 3.1 has the roles that a scheme other than OAuth asks for.
    security: route.scope === "none" ? [] : [{ [BEARER]: [route.scope] }],
    "x-scope": route.scope,
    "x-served": route.served,
    parameters: parameters(route, shape),
    ...(shape.body === undefined
      ? {}
      : {
          requestBody: {
            required: !BODY_MAY_BE_ABSENT.has(route.call),
            content: { "application/json": { schema: schemaOf(shape.body) } },
          },
        }),
    responses: route.served
      ? { ...Object.fromEntries(replies), default: error }
      : { "501": { ...error, description: ERRORS.unimplemented.meaning } },
  };
}

function parameters(route: Route, shape: Shape): Json[] {
  const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: name === "version" ? "integer" : "string" },
  }));
  const inQuery = Object.entries(shape.query ?? {}).map(([name, description]) => ({
    name,
    in: "query",
    required: false,
    description,
    schema: { type: "string" },
  }));
  return [...inPath, ...inQuery];
}

function componentSchemas(): Json {
  return Object.fromEntries(
    Object.entries(SCHEMAS()).map(([name, schema]) => {
      const { $schema: _, ...described } = z.toJSONSchema(schema, {
        io: "input",
        unrepresentable: "any",
      });
      return [name, described];
    }),
  );
}

/** Made at the first request and kept: it never changes while the process lives. */
export function openapiRoutes(version: string): Record<"openapi", Handler> {
  let text: string | null = null;
  return {
    openapi: (_request, reply) => {
      text ??= JSON.stringify(openapiDocument(version));
      return sendJson(reply, text);
    },
  };
}
