/** Who may serve a card, why it waits where nobody does, and whether it must be refused: the same for every discipline. */
import type { HeldVersion } from "../../contract/policy.ts";
import { type Card, type HeldReason, leastTokens } from "../card.ts";
import {
  canHonour,
  inPool,
  lacksVersionOnly,
  rightEngine,
  unsupported,
  versionFor,
} from "../eligibility.ts";
import type { SchedulerCommand } from "../events.ts";
import type { SchedulerOptions } from "../options.ts";
import type { Member, Members, Place } from "./books.ts";

type Refusal = Extract<SchedulerCommand, { type: "refuse" }>;

export class Eligible {
  readonly #members: Members;
  readonly #headroom: number;
  readonly #committed = new Map<string, number>();

  constructor(members: Members, { kvHeadroom }: SchedulerOptions) {
    this.#members = members;
    this.#headroom = kvHeadroom;
  }

  committed(policy: string, version: number): void {
    this.#committed.set(policy, Math.max(version, this.#committed.get(policy) ?? 0));
  }

  /** Slots that may take it now; only holders of its last token's version where there are any. */
  places(card: Card): Place[] {
    const places: Place[] = [];
    const same: Place[] = [];
    for (const member of this.#members.byId.values()) {
      const version = this.#versionNow(card, member);
      if (version === null) continue;
      for (const place of member.places) {
        if (!place.listed || !this.#fits(card, place)) continue;
        places.push(place);
        if (version === card.lastVersion) same.push(place);
      }
    }
    return same.length > 0 ? same : places;
  }

  /** The most tokens that any slot of those takes that may serve it now but for its length; 0: nobody may. */
  longest(card: Card): number {
    let longest = 0;
    for (const member of this.#members.byId.values()) {
      if (this.#versionNow(card, member) === null) continue;
      for (const place of member.places) {
        if (place.listed) longest = Math.max(longest, this.#takes(place));
      }
    }
    return longest;
  }

  held(card: Card, member: Member): HeldVersion {
    return heldBy(member, card, this.#version(card, member));
  }

  reason(card: Card): HeldReason {
    let lacking = false;
    let known = false;
    for (const member of this.#members.byId.values()) {
      const { facts } = member;
      if (!inPool(card, facts) || !canHonour(card, facts)) continue;
      if (rightEngine(card, facts) && lacksVersionOnly(card, facts)) lacking = true;
      if (this.#version(card, member) === null) continue;
      known = true;
      if (member.open && !card.avoid.includes(member.incarnation)) return "queue";
    }
    return lacking && !known ? "version_unavailable" : "no_eligible_worker";
  }

  /** Why no worker of its pool could ever take it; only of a first attempt: what has started waits for its worker. */
  refusal(card: Card): Refusal | null {
    const facts = [...this.#members.byId.values()].map((member) => member.facts);
    if (card.attempt > 1 || !facts.some((one) => inPool(card, one))) return null;
    const refuse = (code: Refusal["code"], message: string, path: string | null): Refusal => {
      return { type: "refuse", key: card.key, code, message, path };
    };
    const able = [...this.#members.byId.values()].filter(
      (member) => inPool(card, member.facts) && canHonour(card, member.facts),
    );
    if (able.length === 0) {
      const { message, path } = unsupported(card, facts);
      return refuse("unsupported", message, path);
    }
    if (able.some(({ places }) => places.some((place) => this.#fits(card, place)))) return null;
    const context = card.promptTokens + card.outputTokens;
    const message = `${context} tokens and one to sample are more than the largest worker takes`;
    return refuse("prompt_too_long", message, "prompt_token_ids");
  }

  #versionNow(card: Card, member: Member): number | null {
    if (!member.open || card.avoid.includes(member.incarnation)) return null;
    const version = this.#version(card, member);
    if (version === null || !member.hasRoomFor(heldBy(member, card, version))) return null;
    return version;
  }

  #version(card: Card, { facts }: Member): number | null {
    const committed = this.#committed.get(card.policy);
    if (committed === undefined) return null;
    if (!inPool(card, facts) || !rightEngine(card, facts) || !canHonour(card, facts)) return null;
    return versionFor(card, facts, committed);
  }

  #fits(card: Card, place: Place): boolean {
    return leastTokens(card) <= this.#takes(place);
  }

  #takes({ kvTokens, worker }: Place): number {
    const usable = Math.max(1, Math.floor(kvTokens * (1 - this.#headroom)));
    return Math.min(usable, worker.view.maxModelLen);
  }
}

function heldBy({ id, view }: Member, { policy }: Card, version: number | null): HeldVersion {
  const held = view.holds.find((one) => one.policy === policy && one.version === version);
  if (held === undefined) throw new Error(`${id} is eligible without a version`);
  return held;
}
