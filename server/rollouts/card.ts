/** A rollout as the scheduler sees it: lengths and prefix hashes. */
import type { Rollout } from "../contract/rollout.ts";
import { sessionKey } from "../contract/rollout.ts";
import { sideWanted } from "../contract/side-data.ts";
import type { Card, SideNeeds } from "../scheduler/card.ts";
import { prefixHashes } from "../scheduler/prefix.ts";
import { featuresOf, RESUME_NEEDS, resumeNeeds } from "./resume.ts";

/** The part of a card that changes from attempt to attempt. */
export type CardWish = Pick<
  Card,
  "key" | "attempt" | "outputTokens" | "lastVersion" | "avoid" | "engine" | "acceptedAt"
>;

/** Made anew for each attempt: most have one, and what waits keeps one card and no copy of it. */
export function cardOf(rollout: Rollout, wish: CardWish): Card {
  return {
    key: wish.key,
    job: rollout.job,
    policy: rollout.policy,
    pool: rollout.pool,
    pools: rollout.pools,
    promptTokens: rollout.promptTokenIds.length,
    maxNewTokens: rollout.sampling.maxNewTokens,
    expectedNewTokens: rollout.hints.expectedNewTokens,
    prefix: prefixHashes(rollout.policy, reusable(rollout)),
    priority: rollout.priority,
    session: rollout.session === null ? null : sessionKey(rollout.job, rollout.session.id),
    group: rollout.group,
    constraint: rollout.version,
    onUpdate: rollout.onUpdate,
    updateGraceMs: rollout.updateGraceMs,
    logprobModes: rollout.want.logprobModes,
    features: featuresOf(rollout),
    side: sideNeeds(rollout),
    resume: rollout.resume === "required" ? resumeNeeds(rollout) : RESUME_NEEDS.nothing,
    attempt: wish.attempt,
    outputTokens: wish.outputTokens,
    lastVersion: wish.lastVersion,
    avoid: wish.avoid,
    engine: wish.engine,
    acceptedAt: wish.acceptedAt,
  };
}

/** Of a prompt that is scored, only what lies before `start` may come from cached KV. */
const reusable = ({ promptTokenIds, want }: Rollout): Uint32Array =>
  want.promptLogprobs === null
    ? promptTokenIds
    : promptTokenIds.subarray(0, want.promptLogprobs.start);

function sideNeeds({ want }: Rollout): SideNeeds | null {
  const side = sideWanted(want);
  return side === null ? null : { ...side, promptLogprobs: side.promptLogprobs !== null };
}
