/**
 * Gates close a worker and empty it of what must not live on: which attempts end, which are waited
 * for and which stay is as `events.ts` documents it.
 */
import { mayUsePool } from "../contract/rollout.ts";
import type { Card, RevokeReason } from "./card.ts";
import type { SchedulerCommand, SchedulerEvent } from "./events.ts";

export type GateOrder = Extract<SchedulerEvent, { type: "gate" }>;

/** An attempt, and the worker that it runs on, as far as a gate is concerned. */
export interface GatedRun<Worker> {
  readonly card: Card;
  readonly slot: { readonly worker: Worker };
  revoked: boolean;
}

export interface GatedWorker<Run> {
  readonly id: string;
  readonly attempts: Iterable<Run>;
}

interface Gate<Run> {
  readonly why: GateOrder["why"];
  /** Nobody stays. */
  readonly empty: boolean;
  /** With the clock time at which patience ends; Infinity for those that were told to end. */
  readonly waitsFor: Map<Run, number>;
  told: boolean;
}

export class Gates<Worker extends GatedWorker<Run>, Run extends GatedRun<Worker>> {
  readonly #gates = new Map<Worker, Gate<Run>>();
  readonly #emit: (command: SchedulerCommand) => void;

  constructor(emit: (command: SchedulerCommand) => void) {
    this.#emit = emit;
  }

  /** Clock time of the next deadline; Infinity without one. */
  get next(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { waitsFor } of this.#gates.values())
      for (const deadline of waitsFor.values()) next = Math.min(next, deadline);
    return next;
  }

  /** Replaces a gate that was there. */
  shut(worker: Worker, order: GateOrder, now: number): void {
    const waitsFor = new Map<Run, number>();
    const { why } = order;
    for (const attempt of worker.attempts) {
      const fate = fateOf(attempt, order);
      if (fate === "keep") continue;
      const patient = fate === "finish";
      waitsFor.set(attempt, patient ? now + graceOf(attempt, order) : Number.POSITIVE_INFINITY);
      if (fate === "revoke") this.revoke(attempt, reasonOf(why));
    }
    const empty = why !== "update" || order.empty === true;
    const gate: Gate<Run> = { why, empty, waitsFor, told: false };
    this.#gates.set(worker, gate);
    this.expire(now);
    this.#settle(worker, gate);
  }

  lift(worker: Worker): void {
    this.#gates.delete(worker);
  }

  /** The attempt has left the worker. */
  ended(attempt: Run): void {
    const { worker } = attempt.slot;
    const gate = this.#gates.get(worker);
    if (gate?.waitsFor.delete(attempt)) this.#settle(worker, gate);
  }

  /** A lost worker is empty for good. */
  lost(worker: Worker): void {
    const gate = this.#gates.get(worker);
    if (gate === undefined) return;
    this.#gates.delete(worker);
    if (!gate.told) this.#emit({ type: "gated", worker: worker.id, kept: [] });
  }

  expire(now: number): void {
    for (const [worker, gate] of this.#gates) {
      for (const [attempt, deadline] of gate.waitsFor) {
        if (deadline > now) continue;
        if (gate.empty || attempt.revoked) {
          gate.waitsFor.set(attempt, Number.POSITIVE_INFINITY);
          this.revoke(attempt, reasonOf(gate.why));
        } else gate.waitsFor.delete(attempt);
      }
      this.#settle(worker, gate);
    }
  }

  /** The worker is in another pool now: what may not run there goes elsewhere. */
  repooled(worker: Worker, pool: string): void {
    for (const attempt of worker.attempts) {
      if (!mayUsePool(attempt.card, pool)) this.revoke(attempt, "pool_moved");
    }
  }

  revoke(attempt: Run, reason: RevokeReason): void {
    if (attempt.revoked) return;
    attempt.revoked = true;
    // Whoever waits for this worker waits for it too.
    const gate = this.#gates.get(attempt.slot.worker);
    if (gate?.told === false) gate.waitsFor.set(attempt, Number.POSITIVE_INFINITY);
    const { key, attempt: number } = attempt.card;
    this.#emit({ type: "revoke", key, attempt: number, reason });
  }

  #settle(worker: Worker, gate: Gate<Run>): void {
    if (gate.told || gate.waitsFor.size > 0) return;
    gate.told = true;
    const kept = [...worker.attempts].map((attempt) => attempt.card.key);
    this.#emit({ type: "gated", worker: worker.id, kept });
  }
}

function graceOf({ card }: Pick<GatedRun<unknown>, "card">, { why, graceMs }: GateOrder): number {
  const own = why === "update" ? card.updateGraceMs : null;
  return Math.max(0, own ?? (graceMs || 0));
}

const reasonOf = (why: GateOrder["why"]): RevokeReason => (why === "update" ? "update" : "drain");

function fateOf(
  attempt: GatedRun<unknown>,
  order: GateOrder,
): "keep" | "finish" | "revoke" | "revoked" {
  if (attempt.revoked) return "revoked";
  if (order.why === "drain") return "finish";
  if (order.why === "migrate") return "revoke";
  const wish = attempt.card.onUpdate ?? order.onUpdate;
  if (wish === "keep" && order.empty !== true) return "keep";
  return wish === "finish" ? "finish" : "revoke";
}
