/** Tells those that wait for a discipline why, when that changes, and refuses those that nobody is left to serve. */
import type { Card } from "../card.ts";
import type { SchedulerCommand } from "../events.ts";
import type { Eligible } from "./eligible.ts";
import type { Queue, Waiting } from "./queue.ts";

export class Reasons {
  /** Who may serve what has changed since they were told. */
  stale = false;
  readonly #queue: Queue;
  readonly #eligible: Eligible;
  readonly #emit: (command: SchedulerCommand) => void;

  constructor(queue: Queue, eligible: Eligible, emit: (command: SchedulerCommand) => void) {
    this.#queue = queue;
    this.#eligible = eligible;
    this.#emit = emit;
  }

  /** What was offered just now, if it waits. */
  told(card: Card): void {
    const waiting = this.#queue.byKey.get(card.key);
    if (waiting?.card === card) this.#explain(waiting);
  }

  /** All of them, where it may be another. */
  tell(): void {
    if (!this.stale) return;
    this.stale = false;
    for (const waiting of this.#queue.byKey.values()) this.#explain(waiting);
  }

  /** A fleet that is another now may have nobody left who could ever serve what waits. */
  refuseHopeless(): void {
    for (const waiting of [...this.#queue.byKey.values()]) {
      const refusal = this.#eligible.refusal(waiting.card);
      if (refusal === null) continue;
      this.#queue.remove(waiting);
      this.#emit(refusal);
    }
  }

  #explain(waiting: Waiting): void {
    const { card } = waiting;
    const reason = this.#eligible.reason(card);
    if (reason === waiting.told) return;
    waiting.told = reason;
    this.#emit({ type: "held", key: card.key, reason });
  }
}
