/** What of a rollout is text and needs its policy's tokenizer: stop strings and bad words. */
import { PacelineError } from "../contract/errors.ts";
import type { Rollout } from "../contract/rollout.ts";
import type { Ledger, PolicyRecord } from "../policy/ledger.ts";
import type { TextCodec, Tokenizers } from "../text/tokenizer.ts";
import { StopStrings } from "./stop-strings.ts";

export interface RolloutText {
  /** `null` where there are none. */
  readonly stops: StopStrings | null;
  /** Token sequences. */
  readonly badWords: readonly (readonly number[])[];
}

const NO_TEXT: RolloutText = { stops: null, badWords: [] };

/** Throws `unsupported` with the field's path where the policy has no tokenizer. */
export function rolloutText(
  { policy, sampling }: Rollout,
  tokenizer: (policy: string) => TextCodec | null,
): RolloutText {
  const { stop, badWords, minNewTokens } = sampling;
  if (stop.length === 0 && badWords.length === 0) return NO_TEXT;
  const codec = tokenizer(policy);
  if (codec === null) {
    const path = stop.length > 0 ? "sampling.stop" : "sampling.bad_words";
    throw new PacelineError(
      "unsupported",
      `${path}: no tokenizer.json lies beside the weights of ${policy}; stop_token_ids need none`,
      { details: { path } },
    );
  }
  return {
    stops: stop.length === 0 ? null : new StopStrings(stop, codec.decodeAll, minNewTokens),
    badWords: badWords.flatMap((word) => sequencesOf(word, codec)),
  };
}

/**
 * Of a policy: beside the committed version's weights. Where others moved those (an external version), beside the last
 * files before it; before the first commit, beside the first.
 */
export function policyTokenizer(
  policy: string,
  ledger: Pick<Ledger, "policy" | "versions">,
  tokenizers: Tokenizers,
): TextCodec | null {
  // An adapter reads as what it lies on.
  const { policy: read, committedVersion: committed } = baseOf(policy, ledger);
  const files = ledger
    .versions(read)
    .flatMap(({ version, source }) => ("path" in source ? [{ version, path: source.path }] : []))
    .sort((a, b) => a.version - b.version);
  const found = files.findLast(({ version }) => version <= (committed ?? 0)) ?? files[0];
  return found === undefined ? null : tokenizers.beside(found.path);
}

function baseOf(policy: string, ledger: Pick<Ledger, "policy">): PolicyRecord {
  const record = ledger.policy(policy);
  return record.base === null ? record : ledger.policy(record.base);
}

/** A word within a text mostly has a space before it, which most tokenizers make part of its first token. */
function sequencesOf(word: string, codec: TextCodec): (readonly number[])[] {
  const alone = codec.encode(word);
  const spaced = codec.encode(` ${word.trimStart()}`);
  return [alone, spaced].filter(
    (ids, at) => ids.length > 0 && (at === 0 || ids.join() !== alone.join()),
  );
}
