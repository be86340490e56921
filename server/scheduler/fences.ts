/** Remembers ended attempts for a while, so that a late duplicate of their offer is not served again. */
import type { Card } from "./card.ts";
import { Generations } from "./generations.ts";
import type { SchedulerOptions } from "./options.ts";

export class Fences {
  readonly #ended: Generations<string, { readonly attempt: number; readonly at: number }>;
  readonly #ms: number;

  constructor(options: SchedulerOptions) {
    this.#ended = new Generations(options.fenceLimit);
    this.#ms = options.fenceMs;
  }

  ended(card: Card, now: number): void {
    this.#ended.set(card.key, { attempt: card.attempt, at: now });
  }

  stops(card: Card, now: number): boolean {
    const ended = this.#ended.get(card.key);
    return ended !== undefined && card.attempt <= ended.attempt && now - ended.at < this.#ms;
  }
}
