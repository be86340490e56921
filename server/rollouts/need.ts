/**
 * What a call of many needs of its groups: which rollouts are over since enough have finished, and what that does to what is
 * learnt from. A group is whole once `members` of it have finished by themselves; the rest of it is not needed then, and once
 * `groups` are whole nothing is.
 */
import type { Need } from "../contract/need.ts";
import { type Result, tokensBefore } from "../contract/result.ts";
import { type Rollout, rolloutKey } from "../contract/rollout.ts";
import { type LengthBias, lengthBias } from "./length-bias.ts";

export interface NeedSummary {
  readonly groups: number;
  readonly members: number | null;
  /** Groups of which enough members finished. */
  readonly whole: number;
  /** Over since they were not needed, kept ones included: how many, and the tokens that they had. */
  readonly cut: { readonly members: number; readonly tokens: number };
  /** Of these, such as the server keeps. */
  readonly kept: { readonly members: number; readonly tokens: number };
  /** Of those that finished, and of all had none been cut. */
  readonly lengths: LengthBias;
  /** Of the tokens of those that finished: made by a version before the one that was committed when they did. */
  readonly offPolicyShare: number;
}

interface Group {
  /** Finished members that make it whole. */
  readonly wants: number;
  finished: number;
  /** Indices of its members that have not ended. */
  readonly open: Set<number>;
}

export const wantsOf = ({ group }: Pick<Rollout, "group">, { members }: Need): number =>
  group === null ? 1 : (members ?? group.size);

/** Members of one group have it in common. Names hold no slash. */
export const memberKey = ({ job, group, id }: Pick<Rollout, "job" | "group" | "id">): string =>
  group === null ? `rollout/${rolloutKey(job, id)}` : `group/${rolloutKey(job, group.id)}`;

export class NeedCount {
  readonly need: Need;
  readonly #groups = new Map<string, Group>();
  /** Those that have not ended, by index. */
  readonly #open = new Map<number, Group>();
  readonly #finished: number[] = [];
  readonly #cut: number[] = [];
  readonly #kept: number[] = [];
  #whole = 0;
  #older = 0;

  constructor(need: Need) {
    this.need = need;
  }

  get met(): boolean {
    return this.#whole >= this.need.groups;
  }

  /** Before it is submitted. */
  asked(index: number, rollout: Rollout): void {
    const key = memberKey(rollout);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { wants: wantsOf(rollout, this.need), finished: 0, open: new Set() };
      this.#groups.set(key, group);
    }
    group.open.add(index);
    this.#open.set(index, group);
  }

  /** Whether it need not run any more. */
  spare(index: number): boolean {
    const group = this.#open.get(index);
    return group !== undefined && (this.met || group.finished >= group.wants);
  }

  /** Answers the indices of those that need not run any more since it did. */
  ended(index: number, result: Result | null, committed: number | null): readonly number[] {
    const group = this.#close(index);
    if (group === null || result === null) return [];
    const { finishReason, usage } = result;
    if (finishReason.type === "abort") {
      if (finishReason.cause === "need") this.#cut.push(usage.outputTokens);
      return [];
    }
    this.#finished.push(usage.outputTokens);
    if (committed !== null) this.#older += tokensBefore(result, committed);
    if (++group.finished !== group.wants) return [];
    const before = this.met;
    this.#whole++;
    return this.met && !before ? [...this.#open.keys()] : [...group.open];
  }

  /** Not needed, and over without a Result of its tokens. */
  stopped(index: number, tokens: number, kept: boolean): void {
    if (this.#close(index) === null) return;
    this.#cut.push(tokens);
    if (kept) this.#kept.push(tokens);
  }

  summary(): NeedSummary {
    const { groups, members } = this.need;
    const made = total(this.#finished);
    return {
      groups,
      members,
      whole: this.#whole,
      cut: { members: this.#cut.length, tokens: total(this.#cut) },
      kept: { members: this.#kept.length, tokens: total(this.#kept) },
      lengths: lengthBias(this.#finished, this.#cut),
      offPolicyShare: made === 0 ? 0 : this.#older / made,
    };
  }

  #close(index: number): Group | null {
    const group = this.#open.get(index) ?? null;
    this.#open.delete(index);
    group?.open.delete(index);
    return group;
  }
}

const total = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0);
