/** What happens to rollouts: they are offered, make progress, end or are withdrawn; and what is learned of each. */
import type { Affinity } from "./affinity.ts";
import { Attempt } from "./attempts.ts";
import type { Buffer } from "./buffer.ts";
import type { Card, Outcome } from "./card.ts";
import type { Census } from "./census.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { SchedulerCommand, SchedulerEvent } from "./events.ts";
import type { Jobs } from "./fairness.ts";
import type { Fences } from "./fences.ts";
import type { Forecast } from "./forecast.ts";
import type { Gates } from "./gates.ts";
import type { Matching } from "./matching.ts";
import type { Notices } from "./notices.ts";
import type { SchedulerOptions } from "./options.ts";
import type { Order } from "./order.ts";
import type { Predictor } from "./prediction/predictor.ts";
import type { Member } from "./prediction/siblings.ts";
import type { Regimes } from "./regimes.ts";
import type { Residents } from "./residents.ts";
import type { Worker } from "./roster.ts";
import type { Segments } from "./segments.ts";
import type { Waiting } from "./waiting.ts";

type Done = Extract<SchedulerEvent, { type: "done" }>;
type Progress = Extract<SchedulerEvent, { type: "progress" }>;

export interface RolloutsParts {
  readonly census: Census;
  readonly fences: Fences;
  readonly jobs: Jobs;
  readonly buffer: Buffer;
  readonly matching: Matching;
  readonly dispatcher: Dispatcher;
  readonly gates: Gates<Worker, Attempt>;
  readonly notices: Notices;
  readonly affinity: Affinity;
  readonly residents: Residents;
  readonly predictor: Predictor;
  readonly segments: Segments;
  readonly forecast: Forecast;
  readonly order: Order;
  readonly regimes: Regimes;
  readonly options: SchedulerOptions;
  readonly emit: (command: SchedulerCommand) => void;
  /** An attempt was lost on this worker. */
  readonly suspect: (worker: Worker) => void;
}

export class Rollouts {
  readonly #parts: RolloutsParts;

  constructor(parts: RolloutsParts) {
    this.#parts = parts;
  }

  offered(card: Card, now: number): void {
    const { census, fences, buffer, matching, dispatcher, residents, notices } = this.#parts;
    const { options, emit } = this.#parts;
    const known = census.get(card.key);
    const latest = known?.card.attempt ?? 0;
    if (card.attempt <= latest || fences.stops(card, now)) return;
    const { waiting } = census;
    if (card.attempt === 1 && waiting >= options.waitingLimit) {
      const message = `${waiting} rollouts wait already`;
      emit({ type: "refuse", key: card.key, code: "overloaded", message, path: null });
      return;
    }
    if (known !== undefined) this.#remove(known, now);
    // What this freed goes to whoever is first, who need not be this card.
    dispatcher.run(now);
    const cls = buffer.class(card, matching.classAdded);
    const refusal = matching.refusal(card, cls);
    if (refusal !== null) {
      emit(refusal);
      if (buffer.forget(cls)) matching.classDropped(cls);
      return;
    }
    residents.asked(card, now);
    const home = residents.homeOf(card);
    home?.worker.kind.index.changed(home);
    const held = dispatcher.admit(card, cls, this.#parts.jobs.get(card.job), now);
    dispatcher.run(now);
    if (held !== null && !held.gone) notices.tell(held);
    else if (buffer.forget(cls)) matching.classDropped(cls);
  }

  progressed({ key, attempt: number, outputTokens }: Progress): void {
    const attempt = this.#attempt(key, number);
    if (attempt === null) return;
    const { card, slot, account, cutAt, member } = attempt;
    const output = Math.min(card.maxNewTokens, Math.max(outputTokens, attempt.outputTokens));
    member?.siblings.progressed(member, output);
    const siblings = member?.siblings ?? null;
    const outlook = this.#parts.forecast.of(
      card,
      output,
      cutAt,
      account.job,
      siblings,
      slot.usable,
    );
    const before = slot.reserved;
    slot.regrow(attempt, outlook);
    if (slot.reserved < before) this.#parts.dispatcher.opened(slot);
    else slot.worker.kind.index.changed(slot);
  }

  done({ key, attempt: number, outcome, outputTokens }: Done, now: number): void {
    const attempt = this.#attempt(key, number);
    if (attempt === null) return;
    const { card, slot } = attempt;
    const told = outputTokens !== undefined || attempt.outputTokens > card.outputTokens;
    if (outputTokens !== undefined && outputTokens > attempt.outputTokens) {
      slot.made(attempt, Math.min(card.maxNewTokens, outputTokens));
    }
    this.#learn(attempt, outcome, told);
    if (told) attempt.account.charge(attempt.contextTokens - attempt.charged);
    if (outcome === "lost") this.#parts.suspect(slot.worker);
    this.end(attempt, now);
    const { job } = attempt.account;
    const known = job.level.count / this.#parts.options.estimateAfter;
    if (outcome !== "finished" || !Number.isInteger(Math.log2(known))) return;
    this.#parts.regimes.weigh(job);
    const { order, dispatcher, buffer } = this.#parts;
    if (order.predicts) dispatcher.reorder(buffer.classes.values(), false);
  }

  #learn(attempt: Attempt, outcome: Outcome, told: boolean): void {
    const { card, outputTokens, account, member, group } = attempt;
    const { level } = account.job;
    if (outcome === "cut") {
      this.#parts.affinity.cut(attempt, this.#parts.segments.cut(attempt));
    } else if (told && outcome === "finished") {
      this.#parts.predictor.finished(card, outputTokens, level, member);
      if (group !== null && this.#parts.order.predicts) this.#parts.dispatcher.restand(group);
    } else if (outcome === "aborted") {
      this.#parts.predictor.stopped(card, outputTokens, level, member);
    }
  }

  withdrawn(key: string, now: number): void {
    const known = this.#parts.census.get(key);
    if (known === undefined) return;
    this.#parts.segments.forget(key);
    this.#parts.predictor.left(known.card, memberOf(known));
    this.#remove(known, now);
    this.#parts.residents.withdrawn(known.card, now);
    const home = this.#parts.residents.homeOf(known.card);
    if (home !== null) this.#parts.dispatcher.opened(home);
  }

  #remove(known: Waiting | Attempt, now: number): void {
    if (known instanceof Attempt) this.end(known, now);
    else this.#parts.dispatcher.drop(known);
  }

  /** Frees the attempt's room and fences it. */
  end(attempt: Attempt, now: number): void {
    this.#parts.fences.ended(attempt.card, now);
    this.#parts.dispatcher.release(attempt, now);
    this.#parts.gates.ended(attempt);
  }

  /** The attempt, if it is the one that runs; anything older is void. */
  #attempt(key: string, attempt: number): Attempt | null {
    const known = this.#parts.census.get(key);
    return known instanceof Attempt && known.card.attempt === attempt ? known : null;
  }
}

/** Of an earlier attempt, where it waits for another. */
function memberOf(known: Waiting | Attempt): Member | null {
  if (known instanceof Attempt) return known.member;
  const { card, group } = known;
  return card.attempt > 1 ? (group?.siblings?.known(card.key) ?? null) : null;
}
