/** A rollout as the scheduler sees it: lengths and prefix hashes. */
import type { Rollout } from "../contract/rollout.ts";
import { sessionKey } from "../contract/rollout.ts";
import { sideWanted } from "../contract/side-data.ts";
import type { Card, SideNeeds } from "../scheduler/card.ts";
import { prefixHashes } from "../scheduler/prefix.ts";
import { featuresOf, mayBeCut, RESUME_NEEDS, resumeNeeds } from "./resume.ts";

/** The part of a card that changes from attempt to attempt. */
export interface CardWish
  extends Pick<
    Card,
    "key" | "attempt" | "outputTokens" | "lastVersion" | "avoid" | "engine" | "acceptedAt"
  > {
  /** Of its first token; `null` before there is one. */
  readonly firstVersion: number | null;
}

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
    ...nextTurn(rollout),
    group: rollout.group,
    constraint: rollout.version,
    onUpdate: rollout.onUpdate,
    updateGraceMs: rollout.updateGraceMs,
    logprobModes: rollout.want.logprobModes,
    features: featuresOf(rollout),
    side: sideNeeds(rollout),
    resume: rollout.resume === "required" ? resumeNeeds(rollout) : RESUME_NEEDS.nothing,
    cuttable: mayBeCut(rollout),
    deadlineVersion: deadlineOf(rollout, wish.firstVersion),
    prompt: promptKey(rollout),
    attempt: wish.attempt,
    outputTokens: wish.outputTokens,
    lastVersion: wish.lastVersion,
    avoid: wish.avoid,
    engine: wish.engine,
    acceptedAt: wish.acceptedAt,
  };
}

/** The last turn says so, and a hint tells of another; nothing is known of the rest. */
function nextTurn({ session, hints }: Rollout): Pick<Card, "nextTurn"> {
  if (session?.final) return { nextTurn: false };
  return session !== null && hints.nextTurn ? { nextTurn: true } : {};
}

/** From its first token on a lag limit says how many versions it may live through. */
function deadlineOf({ version }: Rollout, firstVersion: number | null): number | null {
  if (firstVersion === null || version === null || !("max_lag" in version)) return null;
  return firstVersion + version.max_lag;
}

/** A turn's prompt holds the turns before it, and never comes again. */
function promptKey({ policy, promptTokenIds, session }: Rollout): string | null {
  return session === null ? `${policy} ${idsHash(promptTokenIds)}` : null;
}

/** 64 bits in two halves, FNV-1a with two primes, so that among a million prompts no two are one. */
function idsHash(ids: Uint32Array): string {
  let low = 0x811c9dc5;
  let high = ids.length;
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    low = Math.imul(low ^ id, 0x01000193);
    high = Math.imul(high ^ id, 0x85ebca6b);
  }
  return `${(high >>> 0).toString(36)}.${(low >>> 0).toString(36)}`;
}

/** Of a prompt that is scored, only what lies before `start` may come from cached KV. */
const reusable = ({ promptTokenIds, want }: Rollout): Uint32Array =>
  want.promptLogprobs === null
    ? promptTokenIds
    : promptTokenIds.subarray(0, want.promptLogprobs.start);

function sideNeeds({ want }: Rollout): SideNeeds | null {
  const side = sideWanted(want);
  if (side === null) return null;
  const { promptLogprobs, topLogprobs, samplingMask, routedExperts } = side;
  return {
    promptLogprobs: promptLogprobs !== null,
    topLogprobs,
    samplingMask,
    ...(routedExperts == null ? {} : { routedExperts: true }),
  };
}
