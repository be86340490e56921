/** What is refused before a rollout exists: nothing has been queued and no engine touched. */
import { PacelineError } from "../contract/errors.ts";
import type { Rollout } from "../contract/rollout.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { LIMITS } from "../limits.ts";
import type { PolicyRecord } from "../policy/ledger.ts";
import type { SideStore } from "./side-store.ts";

export interface Admission {
  /** Throws `not_found`. */
  readonly ledger: { policy(policy: string): { readonly kind?: PolicyRecord["kind"] } };
  readonly fleet: Pick<Fleet, "vocabularyFor">;
  /** Null: nothing goes by reference. Absent: whoever admits in the end knows. */
  readonly sideStore?: Pick<SideStore, "assertRoom"> | null;
}

/** Throws `not_found`, `invalid_argument`, `unsupported`. */
export function admit(rollout: Rollout, { ledger, fleet, sideStore }: Admission): void {
  const { kind } = ledger.policy(rollout.policy);
  if (kind === "lora" && rollout.onUpdate === "reprefill") {
    throw new PacelineError(
      "unsupported",
      `on_update: a rollout ends under the version of ${rollout.policy} that it began with`,
      { details: { path: "on_update" } },
    );
  }
  refuseUnserved(rollout);
  assertExperts(rollout);
  assertByRef(rollout, sideStore);
  const vocabulary = fleet.vocabularyFor(rollout);
  assertSideData(rollout, vocabulary ?? Number.POSITIVE_INFINITY);
  if (vocabulary !== null) assertVocabulary(rollout, vocabulary);
}

/** What may break a limit of side data within the length asked for is refused before any work. */
function assertSideData({ want, sampling }: Rollout, vocabulary: number): void {
  const tooMany = (path: string, entries: number, limit: number): void => {
    if (entries <= limit) return;
    const message = `${path} of ${sampling.maxNewTokens} tokens: ${entries} entries; the limit is ${limit}`;
    throw new PacelineError("side_data_too_large", message, { details: { path, limit } });
  };
  const alternatives = Math.min(want.topLogprobs, vocabulary) * sampling.maxNewTokens;
  tooMany("want.top_logprobs", alternatives, LIMITS.topLogprobEntries);
  const { topK, topP, minP, temperature, allowedTokenIds } = sampling;
  const unfiltered = topK === 0 && topP === 1 && minP === 0 && temperature > 0;
  if (!want.samplingMask || !unfiltered || allowedTokenIds.length > 0) return;
  if (vocabulary === Number.POSITIVE_INFINITY) return;
  // Without a filter each token's mask is the whole vocabulary. With one, only the tokens themselves tell.
  tooMany("want.sampling_mask", vocabulary * sampling.maxNewTokens, LIMITS.samplingMaskIds);
}

/** An id outside of the vocabulary ends a real SGLang server: it must never reach an engine. */
export function assertVocabulary(rollout: Rollout, vocabulary: number): void {
  const { sampling } = rollout;
  assertBelow(rollout.promptTokenIds, vocabulary, "prompt_token_ids");
  if (rollout.continueFrom)
    assertBelow(rollout.continueFrom.outputTokenIds, vocabulary, "continue.output_token_ids");
  assertBelow(sampling.stopTokenIds, vocabulary, "sampling.stop_token_ids");
  assertBelow(sampling.allowedTokenIds, vocabulary, "sampling.allowed_token_ids");
  for (const id of sampling.logitBias.keys()) {
    if (id >= vocabulary) throw outOfVocabulary(id, vocabulary, `sampling.logit_bias.${id}`);
  }
}

function assertBelow(ids: ArrayLike<number>, vocabulary: number, path: string): void {
  // Empty lists are of another kind than prompts: a loop that never sees them stays fast.
  if (ids.length === 0) return;
  for (let at = 0; at < ids.length; at++) {
    const id = ids[at] as number;
    if (id >= vocabulary) throw outOfVocabulary(id, vocabulary, `${path}[${at}]`);
  }
}

function outOfVocabulary(id: number, vocabulary: number, path: string): PacelineError {
  return new PacelineError(
    "invalid_argument",
    `token id ${id} is out of vocabulary (${vocabulary})`,
    { details: { path, vocab_size: vocabulary } },
  );
}

/** Parts of the contract that no release serves yet are refused, never dropped (I6). */
function refuseUnserved(rollout: Rollout): void {
  if (rollout.deliver !== "feed") return;
  throw new PacelineError("unsupported", "deliver is not served by this release", {
    details: { path: "deliver" },
  });
}

/** An engine tells them when it has finished by itself, which a stop string of ours forestalls. */
function assertExperts({ want, sampling, continueFrom }: Rollout): void {
  if (want.routedExperts === null) return;
  const path = "want.routed_experts";
  if (sampling.stop.length > 0) {
    throw new PacelineError("unsupported", `${path} with sampling.stop: use stop_token_ids`, {
      details: { path },
    });
  }
  if (sampling.maxNewTokens <= (continueFrom?.outputTokenIds.length ?? 0)) {
    throw new PacelineError("unsupported", `${path} of a rollout that makes no token`, {
      details: { path },
    });
  }
}

/** Rows find room in their Result, too; experts, and what is wanted so, may not. */
function assertByRef({ want }: Rollout, store: Admission["sideStore"]): void {
  if (want.sideByRef && store === null) {
    throw new PacelineError("unsupported", "want.side_by_ref: this server has no spool", {
      details: { path: "want.side_by_ref" },
    });
  }
  if (want.sideByRef || want.routedExperts !== null) store?.assertRoom();
}
