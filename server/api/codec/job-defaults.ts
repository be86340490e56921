/** What a rollout's body leaves to its job. */
import { DEFAULT_POLICY, type JobSettings } from "../../contract/job.ts";
import type { VersionConstraint } from "../../contract/policy.ts";
import type { LogprobMode, Rollout } from "../../contract/rollout.ts";
import { invalid } from "./invalid.ts";
import { equalBy, equalLists, Shared } from "./shared.ts";

/** A rollout as its caller asked for it: `null`, and no mode, is the job's to say. */
export interface Asked
  extends Omit<
    Rollout,
    | "bodyHash"
    | "traceparent"
    | "policy"
    | "resume"
    | "pools"
    | "mixedEngines"
    | "updateGraceMs"
    | "onInfeasible"
  > {
  readonly policy: string | null;
  readonly resume: Rollout["resume"] | null;
}

/** In order of preference: the distribution that sampled, else the one before top-k, top-p and min-p. */
const LOGPROB_MODES: readonly LogprobMode[] = ["processed", "tempered"];

const MODES = new Shared<readonly LogprobMode[]>(equalLists);
const WANTS = new Shared<Rollout["want"]>(
  equalBy({
    logprobModes: true,
    promptLogprobs: true,
    topLogprobs: true,
    routedExperts: true,
    samplingMask: true,
    sideByRef: true,
  }),
);

/** Throws `invalid_argument` for a pool that the job may not use. */
export function withJob(asked: Asked, job: JobSettings): Omit<Rollout, "bodyHash" | "traceparent"> {
  const { want, pool } = asked;
  if (pool !== null && job.pools.length > 0 && !job.pools.includes(pool)) {
    throw invalid("pool", `job ${asked.job} runs in ${job.pools.join(", ")} only`);
  }
  const policy = asked.policy ?? job.policy ?? DEFAULT_POLICY;
  const modes = [want.logprobModes, job.logprobModes].find(({ length }) => length > 0);
  return {
    ...asked,
    pools: pool === null ? job.pools : [],
    mixedEngines: job.mixedEngines,
    policy,
    version: asked.version ?? limitOf(job, policy),
    onUpdate: asked.onUpdate ?? job.onUpdate,
    updateGraceMs: job.updateGraceMs,
    onInfeasible: job.onInfeasible,
    resume: asked.resume ?? job.resume ?? "best",
    want: WANTS.of({ ...want, logprobModes: MODES.of(modes ?? LOGPROB_MODES) }),
  };
}

/** η is of the policy that the job's trainer trains. */
function limitOf({ eta, policy }: JobSettings, of: string): VersionConstraint | null {
  return eta === null || of !== (policy ?? DEFAULT_POLICY) ? null : { max_lag: eta };
}
