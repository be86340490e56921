/** Tells waiting cards why they wait when that changes, a portion at a time: it may change for 100,000 at once. */
import type { WaitingClass } from "./buffer.ts";
import type { HeldReason } from "./card.ts";
import type { SchedulerCommand } from "./events.ts";
import type { Waiting } from "./waiting.ts";

export class Notices {
  readonly #pending = new Map<WaitingClass, Iterator<Waiting>>();
  readonly #reason: (waiting: Waiting) => HeldReason;
  readonly #emit: (command: SchedulerCommand) => void;
  readonly #batch: number;

  constructor(
    reason: (waiting: Waiting) => HeldReason,
    emit: (command: SchedulerCommand) => void,
    batch: number,
  ) {
    this.#reason = reason;
    this.#emit = emit;
    this.#batch = batch;
  }

  get pending(): boolean {
    return this.#pending.size > 0;
  }

  /** All cards of the class are looked at again, those that come meanwhile included. */
  changed(cls: WaitingClass): void {
    this.#pending.set(cls, cls.members[Symbol.iterator]());
  }

  tell(waiting: Waiting): void {
    const reason = this.#reason(waiting);
    if (waiting.told === reason) return;
    waiting.told = reason;
    this.#emit({ type: "held", key: waiting.card.key, reason });
  }

  /** One portion. */
  advance(): void {
    let left = this.#batch;
    for (const [cls, members] of this.#pending) {
      for (; left > 0; left--) {
        const { value, done } = members.next();
        if (done) {
          this.#pending.delete(cls);
          break;
        }
        if (!value.gone) this.tell(value);
      }
      if (left === 0) return;
    }
  }
}
