/** What happens to workers: they come, change, are gated, fall under suspicion, are lost; and what that means for their attempts. */
import type { Affinity } from "./affinity.ts";
import type { Attempt } from "./attempts.ts";
import type { CacheEvent } from "./cached-blocks.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { SchedulerCommand, WorkerView } from "./events.ts";
import type { GateOrder, Gates } from "./gates.ts";
import type { Matching } from "./matching.ts";
import type { SchedulerOptions } from "./options.ts";
import type { Residents } from "./residents.ts";
import type { Roster, Worker } from "./roster.ts";
import type { Telemetry } from "./slots.ts";

export interface MembershipParts {
  readonly roster: Roster;
  readonly dispatcher: Dispatcher;
  readonly gates: Gates<Worker, Attempt>;
  readonly affinity: Affinity;
  readonly residents: Residents;
  readonly matching: Matching;
  readonly options: SchedulerOptions;
  readonly emit: (command: SchedulerCommand) => void;
  /** Frees the attempt's room and fences it. */
  readonly end: (attempt: Attempt) => void;
}

export class Membership {
  readonly #parts: MembershipParts;
  readonly #suspects = new Set<Worker>();

  constructor(parts: MembershipParts) {
    this.#parts = parts;
  }

  /** Clock time at which the next suspicion ends; Infinity without one. */
  get next(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { suspectUntil } of this.#suspects) next = Math.min(next, suspectUntil);
    return next;
  }

  seen(view: WorkerView): void {
    const { roster, matching, affinity } = this.#parts;
    const known = roster.workers.get(view.id);
    if (known !== undefined && known.incarnation !== view.incarnation) this.#lose(known);
    const worker = roster.workers.get(view.id);
    if (worker === undefined) {
      const joined = roster.join(view);
      affinity.adapters.seen(joined);
      matching.touched.add(joined.kind);
      return;
    }
    this.#heardOf(worker);
    this.#unclaim(worker);
    const moved = worker.view.pool !== view.pool;
    roster.update(worker, view);
    affinity.adapters.seen(worker);
    matching.touched.add(worker.kind);
    if (moved) this.#parts.gates.repooled(worker, view.pool);
  }

  lost(id: string, incarnation: string): void {
    const worker = this.#parts.roster.workers.get(id);
    if (worker?.incarnation === incarnation) this.#lose(worker);
  }

  measured(telemetry: Telemetry, now: number): void {
    const worker = this.#parts.roster.workers.get(telemetry.worker);
    const slot = worker?.slots.find(({ index }) => index === telemetry.slot);
    if (worker === undefined || slot === undefined) return;
    this.#heardOf(worker);
    slot.observe(telemetry, this.#parts.options);
    this.#parts.residents.aged(slot, now);
    this.#parts.dispatcher.opened(slot);
    if (!slot.measured) return;
    for (const peer of worker.peers.learn(slot)) this.#parts.dispatcher.opened(peer);
  }

  cached(event: CacheEvent): void {
    const slots = this.#parts.roster.workers.get(event.worker)?.slots ?? [];
    const slot = slots.find(({ index }) => index === event.slot);
    if (slot !== undefined) this.#parts.affinity.told(slot, event);
  }

  gate(order: GateOrder, now: number): void {
    const { roster, gates, emit } = this.#parts;
    const worker = roster.workers.get(order.worker);
    if (worker === undefined) {
      // Nothing runs on a worker that is not there.
      emit({ type: "gated", worker: order.worker, kept: [] });
      return;
    }
    worker.gated = true;
    this.#unclaim(worker);
    roster.refresh(worker);
    gates.shut(worker, order, now);
  }

  ungate(id: string): void {
    const worker = this.#parts.roster.workers.get(id);
    if (worker === undefined) return;
    this.#parts.gates.lift(worker);
    worker.gated = false;
    this.#reopen(worker);
  }

  /** An attempt was lost there: nothing new until it is heard of or time is up. */
  suspect(worker: Worker, now: number): void {
    worker.suspectUntil = now + this.#parts.options.suspectMs;
    this.#suspects.add(worker);
    this.#unclaim(worker);
    this.#parts.roster.refresh(worker);
  }

  expire(now: number): void {
    for (const worker of this.#suspects) if (worker.suspectUntil <= now) this.#heardOf(worker);
  }

  #heardOf(worker: Worker): void {
    if (!this.#suspects.delete(worker)) return;
    worker.suspectUntil = 0;
    this.#reopen(worker);
  }

  #reopen(worker: Worker): void {
    this.#parts.roster.refresh(worker);
    this.#parts.matching.touched.add(worker.kind);
  }

  #unclaim(worker: Worker): void {
    for (const slot of worker.slots) this.#parts.dispatcher.shut(slot);
  }

  #lose(worker: Worker): void {
    const { roster, matching, gates, affinity, residents, emit, end } = this.#parts;
    this.#unclaim(worker);
    this.#suspects.delete(worker);
    roster.leave(worker);
    // Who asked for all of its slot asks for less now.
    if (worker.kind.workers.size > 0) matching.touched.add(worker.kind);
    affinity.adapters.left(worker);
    for (const slot of worker.slots) {
      affinity.forget(slot);
      residents.emptied(slot);
    }
    gates.lost(worker);
    for (const attempt of [...worker.attempts]) {
      // Told also to those that a gate revoked before: their abort will not be answered.
      const { key, attempt: number } = attempt.card;
      emit({ type: "revoke", key, attempt: number, reason: "worker_lost" });
      end(attempt);
    }
  }
}
