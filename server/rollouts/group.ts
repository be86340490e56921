/**
 * Siblings of one prompt, run until `need` of them have finished. The rest are ended with cause `need` and keep what they
 * made: a partial member is a member. One that failed by no fault of its own is replaced by another sibling where the
 * need cannot be met without, as often as the order allows.
 */
import { PacelineError } from "../contract/errors.ts";
import type { Rollout } from "../contract/rollout.ts";
import type { PolicyRecord } from "../policy/ledger.ts";
import { abandon } from "./abandon.ts";
import { type Admission, admit } from "./admission.ts";
import {
  endOf,
  type GroupEnd,
  type GroupSummary,
  hasFinished,
  type Member,
  type Replacement,
  summarise,
} from "./group-summary.ts";
import type { RolloutHandle, RolloutService } from "./service.ts";

export interface GroupParts extends Admission {
  readonly rollouts: Pick<RolloutService, "submit" | "abort">;
  readonly ledger: {
    policy(
      policy: string,
    ): Pick<PolicyRecord, "committedVersion"> & Partial<Pick<PolicyRecord, "kind">>;
  };
  /** Told of errors that do not fail the call: single siblings', and what refuses a replacement. */
  readonly failed: (error: PacelineError) => void;
  /** Told of each group that has ended. */
  readonly grouped?: ((summary: GroupSummary, members: readonly Member[]) => void) | undefined;
}

export interface GroupOrder {
  readonly id: string;
  readonly size: number;
  readonly need: number;
  /** Made at first. */
  readonly issued: number;
  /** That may replace failed ones, at most. */
  readonly backfill: number;
  /** Told apart by their index alone. */
  sibling(index: number): Rollout;
}

export interface EndedGroup {
  /** In order of their index. */
  readonly members: readonly Member[];
  readonly summary: GroupSummary;
}

export interface Siblings {
  /** Those that are there, in order of their index. */
  readonly handles: readonly RolloutHandle[];
  /** Tells of those that are there and of those to come, in order of their index. */
  follow(told: (handle: RolloutHandle, index: number) => void): void;
  /** Resolves when each has ended. */
  ended(): Promise<EndedGroup>;
  /** The caller left: ends those that nobody else waits for, streams after a while. */
  readonly leave: () => void;
}

/** Submits all siblings, or none: throws what admission or the first refusal says, after ending those already submitted. */
export function startGroup(
  order: GroupOrder,
  parts: GroupParts,
  reader: "unary" | "stream",
): Siblings {
  const first = Array.from({ length: order.issued }, (_, index) => order.sibling(index));
  for (const sibling of first) admit(sibling, parts);
  const group = new Group(order, parts, reader);
  try {
    for (const sibling of first) group.submit(sibling);
  } catch (thrown) {
    group.leave();
    throw thrown;
  }
  group.watch();
  return group;
}

class Group implements Siblings {
  readonly #order: GroupOrder;
  readonly #parts: GroupParts;
  readonly #reader: "unary" | "stream";
  readonly #policy: string;
  readonly handles: RolloutHandle[] = [];
  readonly #leaves = new Set<() => void>();
  readonly #open = new Set<RolloutHandle>();
  /** By index, once each has ended. */
  readonly #members: Member[] = [];
  readonly #replaced: Replacement[] = [];
  readonly #end = Promise.withResolvers<EndedGroup>();
  #told: (handle: RolloutHandle, index: number) => void = () => {};
  #finished = 0;
  #left = false;
  /** Of the first member without which the need could not be met. */
  #short: GroupEnd | null = null;

  constructor(order: GroupOrder, parts: GroupParts, reader: "unary" | "stream") {
    this.#order = order;
    this.#parts = parts;
    this.#reader = reader;
    this.#policy = order.sibling(0).policy;
  }

  /** Throws what refuses it. */
  submit(sibling: Rollout): void {
    const handle = this.#parts.rollouts.submit(sibling);
    this.#leaves.add(handle.attach(this.#reader));
    this.handles.push(handle);
    this.#open.add(handle);
  }

  /** Of all that were submitted so far; the others are watched as they come. */
  watch(): void {
    for (const [index, handle] of this.handles.entries()) this.#await(handle, index);
  }

  follow(told: (handle: RolloutHandle, index: number) => void): void {
    this.#told = told;
    for (const [index, handle] of this.handles.entries()) told(handle, index);
  }

  ended(): Promise<EndedGroup> {
    return this.#end.promise;
  }

  /** Listeners take it as it is. */
  readonly leave = (): void => {
    this.#left = true;
    for (const leave of this.#leaves) leave();
    this.#leaves.clear();
  };

  #await(handle: RolloutHandle, index: number): void {
    const { id, job } = handle;
    handle.result().then(
      (result) => this.#memberEnded(handle, index, { result }),
      (thrown: unknown) =>
        this.#memberEnded(handle, index, { id, job, error: PacelineError.from(thrown) }),
    );
  }

  #memberEnded(handle: RolloutHandle, index: number, member: Member): void {
    const { need } = this.#order;
    this.#open.delete(handle);
    this.#members[index] = member;
    if (hasFinished(member)) {
      if (++this.#finished === need) this.#stop();
    } else if (this.#finished + this.#open.size < need) {
      if (!this.#replace(index, member)) this.#short ??= endOf(member);
    }
    if (this.#open.size === 0) this.#close();
  }

  #stop(): void {
    for (const { id, job } of [...this.#open]) {
      abandon(this.#parts.rollouts, { job, id }, "need");
    }
  }

  #replace(index: number, member: Member): boolean {
    const { backfill, sibling } = this.#order;
    if (this.#left || this.#replaced.length >= backfill || !isFault(member)) return false;
    const by = this.handles.length;
    try {
      this.submit(sibling(by));
    } catch (thrown) {
      this.#parts.failed(PacelineError.from(thrown));
      return false;
    }
    this.#replaced.push({ index, by });
    const handle = this.handles[by] as RolloutHandle;
    this.#told(handle, by);
    this.#await(handle, by);
    return true;
  }

  #close(): void {
    const { id, size, need } = this.#order;
    const { ledger, grouped } = this.#parts;
    const ended = this.#finished >= need ? "need" : (this.#short ?? "client");
    const summary = summarise(
      { id, size, need, ended, replaced: this.#replaced },
      this.#members,
      ledger.policy(this.#policy).committedVersion,
    );
    this.leave();
    grouped?.(summary, this.#members);
    this.#end.resolve({ members: this.#members, summary });
  }
}

/** Without a single Result the call itself has failed: throws the first sibling's error. */
export function assertAny({ members }: EndedGroup, failed: GroupParts["failed"]): void {
  const errors = members.flatMap((member) => ("error" in member ? [member.error] : []));
  const [first] = errors;
  if (first !== undefined && errors.length === members.length) throw first;
  for (const error of errors) failed(error);
}

/** Nothing in the rollout itself: another sibling may do better. */
const isFault = (member: Member): boolean =>
  "error" in member
    ? member.error.kind.boundary === "engine"
    : member.result.finishReason.cause === "stale";
