/**
 * Groups of which anything waits or runs. Each member knows its group by reference: an end and a prediction would
 * otherwise look it up by name, and memory that nobody touched for seconds is what a decision costs.
 */
import type { Card } from "./card.ts";
import type { Siblings } from "./prediction/siblings.ts";
import { type Marks, marksOf } from "./prefix-marks.ts";
import type { Waiting } from "./waiting.ts";

export class Group {
  readonly name: string;
  readonly waiting = new Set<Waiting>();
  /** Of these, such as `isRestless`. */
  readonly restless = new Set<Waiting>();
  /** Those that wait or run. */
  members = 0;
  /** What they tell of one another; null before the first has begun. */
  siblings: Siblings | null;
  /** Of its prompt; null before anybody asked. */
  #marks: Marks | null = null;

  constructor(name: string, siblings: Siblings | null) {
    this.name = name;
    this.siblings = siblings;
  }

  /** Of a member. */
  marksOf(card: Card): Marks {
    this.#marks = marksOf(card, this.#marks);
    return this.#marks;
  }
}

export class Groups {
  readonly #all = new Map<string, Group>();
  readonly #siblings: (card: Card) => Siblings | null;

  /** `siblings`: what is remembered of a group that was here before. */
  constructor(siblings: (card: Card) => Siblings | null) {
    this.#siblings = siblings;
  }

  /** The card's group, with one member more; null without one. */
  enter(card: Card): Group | null {
    if (card.group === null) return null;
    const name = groupName(card, card.group.id);
    let group = this.#all.get(name);
    if (group === undefined) {
      group = new Group(name, this.#siblings(card));
      this.#all.set(name, group);
    }
    group.members++;
    return group;
  }

  /** One of its members neither waits nor runs any more. */
  leave(group: Group | null): void {
    if (group !== null && --group.members === 0) this.#all.delete(group.name);
  }
}

export const siblingsOf = (group: Group | null): Siblings | null => group?.siblings ?? null;

export const groupName = ({ job }: Card, id: string): string => `${job}/${id}`;
