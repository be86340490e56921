/** Who makes a call, as far as its token tells. */
import { PacelineError } from "../../contract/errors.ts";
import { type Access, covers, type TokenScope } from "./access.ts";
import type { Quota } from "./quota.ts";

export interface Caller {
  /** The token's name; `anonymous` where no tokens are set, or none is asked for. Never the token. */
  readonly name: string;
  readonly scope: TokenScope;
  /** Jobs that it may touch; null: all. */
  readonly jobs: ReadonlySet<string> | null;
  /** Null: unlimited. */
  readonly quota: Quota | null;
}

/** Whoever makes a call that asks for no token. */
export const ANYONE: Caller = { name: "anonymous", scope: "read", jobs: null, quota: null };

/** Throws `permission_denied` with what is missing. */
export function assertAccess({ name, scope, jobs }: Caller, access: Access): void {
  const { call, scope: needed } = access;
  if (needed !== "none" && !covers(scope, needed)) {
    throw new PacelineError(
      "permission_denied",
      `${call} needs a token of scope ${needed}; ${name} has ${scope}`,
      { details: { needed_scope: needed, scope } },
    );
  }
  if (jobs !== null && access.jobs === "all") {
    throw new PacelineError(
      "permission_denied",
      `${call} touches all jobs; ${name} is bound to ${[...jobs].join(", ")}`,
      { details: { jobs: [...jobs] } },
    );
  }
}

export const mayTouch = ({ jobs }: Caller, job: string): boolean => jobs?.has(job) ?? true;

/** Throws `permission_denied` for a job that the token is not bound to. */
export function assertJob(caller: Caller, job: string): void {
  if (mayTouch(caller, job)) return;
  const jobs = [...(caller.jobs ?? [])];
  throw new PacelineError(
    "permission_denied",
    `job ${job}: ${caller.name} is bound to ${jobs.join(", ")}`,
    { details: { job, jobs } },
  );
}
