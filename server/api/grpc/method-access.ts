/**
 * Who may call which method, by its path, and where its request names jobs and what it is about. The
 * front serves no method that has no row here.
 */
import type { Access, Scope } from "../auth/access.ts";

/** Field numbers of strings in the request, top level. */
export interface MethodAccess extends Access {
  readonly job: number | null;
  /** What an audit line says the call was about, by name. */
  readonly target: Readonly<Record<string, number>>;
}

interface Row {
  readonly job?: number;
  readonly jobs?: Access["jobs"];
  readonly target?: Readonly<Record<string, number>>;
  /** Comes every few seconds from each worker: no news for an audit. */
  readonly quiet?: true;
}

const V1 = "paceline.v1";

/** `Rollout.job`, `GroupOrder.job` and `RolloutRef.job`. */
const JOB = { job: 2 } as const;
const FLEET = { jobs: "fleet" } as const;
const WORKER = { target: { id: 1 } } as const;
const POLICY = { target: { policy: 1 } } as const;

const ROWS: readonly (readonly [path: string, scope: Scope, row: Row])[] = [
  [`${V1}.RolloutService/Generate`, "generate", JOB],
  [`${V1}.RolloutService/GenerateStream`, "generate", JOB],
  [`${V1}.RolloutService/GenerateMany`, "generate", JOB],
  [`${V1}.RolloutService/GenerateGroup`, "generate", JOB],
  [`${V1}.RolloutService/Get`, "read", JOB],
  [`${V1}.RolloutService/Abort`, "generate", JOB],
  [`${V1}.FleetService/Register`, "admin", { target: { url: 1, id: 3 } }],
  [`${V1}.FleetService/Renew`, "admin", { ...WORKER, quiet: true }],
  [`${V1}.FleetService/List`, "read", FLEET],
  [`${V1}.FleetService/Control`, "admin", { target: { worker: 1, pool: 2 } }],
  [`${V1}.FleetService/Drain`, "admin", WORKER],
  [`${V1}.FleetService/Remove`, "admin", WORKER],
  [`${V1}.PolicyService/Declare`, "admin", POLICY],
  [`${V1}.PolicyService/OpenRun`, "admin", POLICY],
  [`${V1}.PolicyService/Publish`, "admin", POLICY],
  [`${V1}.PolicyService/Gate`, "admin", POLICY],
  [`${V1}.PolicyService/Commit`, "admin", POLICY],
  [`${V1}.PolicyService/Watch`, "read", FLEET],
  [`${V1}.PolicyService/Abort`, "admin", POLICY],
  [`${V1}.PolicyService/Rollback`, "admin", POLICY],
  [`${V1}.PolicyService/Get`, "read", FLEET],
  [`${V1}.JobService/Declare`, "admin", { job: 1, target: { job: 1 } }],
  [`${V1}.JobService/Get`, "read", { job: 1 }],
  [`${V1}.JobService/List`, "read", {}],
  [`${V1}.JobService/Report`, "generate", { job: 1 }],
  [`${V1}.JobService/Abort`, "generate", { job: 1 }],
  [`${V1}.WeightService/Attach`, "admin", {}],
  [`${V1}.FeedService/Lease`, "generate", {}],
  [`${V1}.FeedService/Ack`, "generate", {}],
  [`${V1}.FeedService/Release`, "generate", {}],
  [`${V1}.FeedService/Rewind`, "generate", {}],
  [`${V1}.FeedService/Reward`, "generate", {}],
  ["grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "read", FLEET],
  ["grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "read", FLEET],
  ["grpc.health.v1.Health/Check", "none", FLEET],
  ["grpc.health.v1.Health/Watch", "none", FLEET],
];

export const METHOD_ACCESS: ReadonlyMap<string, MethodAccess> = new Map(
  ROWS.map(([path, scope, { job = null, jobs, target = {}, quiet }]) => [
    `/${path}`,
    {
      call: path,
      scope,
      // A row that says nothing of jobs touches all of them.
      jobs: job === null ? (jobs ?? "all") : "named",
      audited: scope === "admin" && quiet !== true,
      job,
      target,
    },
  ]),
);

/** Of a method that nobody serves, and that is answered so. */
export const UNSERVED_ACCESS: MethodAccess = {
  call: "unserved",
  scope: "read",
  jobs: "fleet",
  audited: false,
  job: null,
  target: {},
};
