/** A granted attempt: the card on its slot, until `done`, `withdraw` or the worker's loss. */
import type { HeldVersion } from "../contract/policy.ts";
import type { Card } from "./card.ts";
import type { Link } from "./chain.ts";
import type { Account } from "./fairness.ts";
import type { Group } from "./groups.ts";
import type { Member } from "./prediction/siblings.ts";
import type { Marks } from "./prefix-marks.ts";
import type { Slot } from "./slots.ts";

export class Attempt implements Link<Attempt> {
  next: Attempt | null = null;
  previous: Attempt | null = null;
  readonly card: Card;
  readonly slot: Slot;
  readonly account: Account;
  readonly group: Group | null;
  readonly marks: Marks;
  /** What it was granted under. */
  readonly held: HeldVersion;
  outputTokens: number;
  /** Tokens that are still expected of it. */
  growth: number;
  /** Of its slot's profile; −1 before it is there. */
  kvRow = -1;
  /** Output tokens at which its segment ends; null: it goes to its end. */
  readonly cutAt: number | null;
  /** Tokens charged to the job so far. */
  charged: number;
  /** The slot's when it was granted. */
  readonly cacheLife: number;
  /** Where its group is told of its progress; null without one. */
  member: Member | null = null;
  /** Told to end; its room is free at `done`. */
  revoked = false;

  constructor(
    card: Card,
    slot: Slot,
    account: Account,
    group: Group | null,
    marks: Marks,
    held: HeldVersion,
    growth: number,
    cutAt: number | null,
  ) {
    this.card = card;
    this.held = held;
    this.slot = slot;
    this.account = account;
    this.group = group;
    this.marks = marks;
    this.outputTokens = card.outputTokens;
    this.growth = growth;
    this.cutAt = cutAt;
    this.cacheLife = slot.cacheLife;
    this.charged = card.promptTokens + card.outputTokens + growth;
  }

  get contextTokens(): number {
    return this.card.promptTokens + this.outputTokens;
  }
}
