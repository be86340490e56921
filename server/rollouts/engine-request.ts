/** What an engine is asked for in one attempt: the rollout from its tokens on, to its end or to that of the granted segment. */
import type { EngineRequest } from "../../adapters/engine.ts";
import type { HeldVersion } from "../contract/policy.ts";
import type { Capabilities } from "../contract/worker.ts";
import type { Grant } from "../placement/port.ts";
import type { LifeContext } from "./life-context.ts";
import type { Traveller } from "./traveller.ts";

/** Output tokens at which the attempt ends and the rollout does not; `null`: both end together. */
export function cutAt({ output, rollout }: Traveller, { segment }: Grant): number | null {
  const end = output.length + (segment ?? Number.POSITIVE_INFINITY);
  return end < rollout.sampling.maxNewTokens ? end : null;
}

export function engineRequest(
  traveller: Traveller,
  { observer, caches, sideStore }: Pick<LifeContext, "observer" | "caches" | "sideStore">,
  grant: Grant,
  { base }: HeldVersion,
  capabilities: Capabilities,
): EngineRequest {
  const { key, rollout, text, output } = traveller;
  const { worker, incarnation, attempt, cacheNamespace: namespace } = grant;
  const { sampling } = rollout;
  const maxNewTokens = cutAt(traveller, grant) ?? sampling.maxNewTokens;
  text.stops?.goOnFrom(output.ids);
  return {
    requestId: `${key}#${String(attempt).padStart(4, "0")}`,
    traceparent: observer.traceparent(rollout),
    policy: rollout.policy,
    ...(base === undefined ? {} : { adapter: { version: grant.version, base: base.policy } }),
    slot: grant.slot,
    promptTokenIds: rollout.promptTokenIds,
    outputTokenIds: output.ids,
    sampling: {
      ...sampling,
      maxNewTokens,
      // An engine may refuse to make more than it may; what is missing the next attempt is asked for.
      minNewTokens: Math.min(sampling.minNewTokens, maxNewTokens),
      seed: rollout.seed,
    },
    badWords: text.badWords,
    siblingIndex: rollout.group?.index ?? 0,
    logprobMode: grant.logprobMode,
    ...caches.scope(rollout, { worker, incarnation, capabilities, namespace }),
    priority: rollout.priority,
    side: output.side?.wanted ?? null,
    ...(rollout.want.routedExperts === null || sideStore === null
      ? {}
      : { buffer: (bytes: number) => sideStore.buffer(bytes) }),
    watched: () => traveller.watched,
  };
}
