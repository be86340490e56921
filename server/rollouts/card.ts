/** A rollout as the scheduler sees it: lengths and prefix hashes. */
import type { Rollout } from "../contract/rollout.ts";
import { sessionKey } from "../contract/rollout.ts";
import { sideWanted } from "../contract/side-data.ts";
import { type Card, PREFIX_BLOCK_TOKENS, type SideNeeds } from "../scheduler/card.ts";
import { featuresOf, RESUME_NEEDS, resumeNeeds } from "./resume.ts";

/** Of prompts shorter than a block, shared. */
const NO_BLOCK: readonly number[] = [];

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
    prefix: prefixHashes(reusable(rollout)),
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

/** FNV-1a over token ids, one hash at the end of each full block: equal prefixes, equal hashes. */
function prefixHashes(ids: Uint32Array): readonly number[] {
  if (ids.length < PREFIX_BLOCK_TOKENS) return NO_BLOCK;
  const hashes = new Array<number>(Math.floor(ids.length / PREFIX_BLOCK_TOKENS));
  let hash = 0x811c9dc5;
  for (let i = 0; i < ids.length; i++) {
    hash = Math.imul(hash ^ (ids[i] as number), 0x01000193);
    const blocks = (i + 1) / PREFIX_BLOCK_TOKENS;
    if (Number.isInteger(blocks)) hashes[blocks - 1] = hash >>> 0;
  }
  return hashes;
}
