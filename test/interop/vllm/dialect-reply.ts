/** What vLLM answers to `/inference/v1/generate`, as far as the tests of our dialect read it. */
import assert from "node:assert/strict";
import { EXPLAINED } from "../fleet.ts";

export interface Entry {
  readonly token?: string;
  readonly token_id: number;
  readonly logprob: number;
  readonly top_logprobs: readonly { readonly token_id: number; readonly logprob: number }[];
}

export interface Choice {
  readonly token_ids: readonly number[];
  readonly finish_reason: string | null;
  readonly logprobs: { readonly content: readonly Entry[] } | null;
  readonly weight_versions: readonly Span[] | null;
}

export interface Span {
  readonly version: string;
  readonly start: number;
  readonly end: number;
}

export interface Reply {
  readonly request_id: string;
  readonly choices: readonly Choice[];
  readonly usage: { readonly completion_tokens: number } | null;
  readonly prompt_logprobs:
    | readonly (Readonly<Record<string, { logprob: number }>> | null)[]
    | null;
}

type Alternatives = NonNullable<Entry["top_logprobs"]>;

/** The same alternatives behind the sampled one, but for such as the dtype cannot tell from the last that is there. */
export function assertAlike(one: Alternatives, other: Alternatives): void {
  assert.equal(one.length, other.length);
  assert.equal(one[0]?.token_id, other[0]?.token_id);
  const least = Math.min(...other.slice(1).map(({ logprob }) => logprob));
  for (const { token_id: id, logprob } of one.slice(1)) {
    const same = other.some((each) => each.token_id === id);
    const told = `${id} at ${logprob} is not among ${JSON.stringify(other)}`;
    assert.ok(same || Math.abs(logprob - least) < EXPLAINED, told);
  }
}

export const entriesOf = ({ logprobs }: Choice): readonly Entry[] => logprobs?.content ?? [];

export const namesOf = ({ weight_versions: spans }: Choice): string[] =>
  (spans ?? []).map(({ version }) => version);
