/**
 * What every discipline has in common, so that a comparison compares rules and nothing else: who may serve what (I3), attempts
 * and their fences, quotas of jobs, gates, suspicion, loss, and waiting where nobody may serve. Where a rule gives a place
 * the card is granted at once, however full the place is: the engine queues, as it does behind the routers that these rules
 * are taken from.
 */
import type { Clock } from "../../contract/clock.ts";
import type { Card } from "../card.ts";
import type { Scheduler, SchedulerCommand, SchedulerEvent, SchedulerSnapshot } from "../events.ts";
import { Fences } from "../fences.ts";
import { Gates } from "../gates.ts";
import type { SchedulerOptions } from "../options.ts";
import { isCount, plausibleSize } from "../plausible.ts";
import { type Member, Members, Run } from "./books.ts";
import { Eligible } from "./eligible.ts";
import { Queue, type Waiting } from "./queue.ts";
import { Reasons } from "./reasons.ts";
import type { Rule } from "./rule.ts";
import { snapshotOf } from "./snapshot.ts";

type Event<T extends SchedulerEvent["type"]> = Extract<SchedulerEvent, { type: T }>;
/** Unless it tells that a suspect lives. */
const MAKES_NO_ROOM: ReadonlySet<string> = new Set(["progress", "telemetry", "cache"]);

export class Frame implements Scheduler {
  readonly #rule: Rule;
  readonly #clock: Pick<Clock, "now">;
  readonly #options: SchedulerOptions;
  readonly #members: Members;
  readonly #eligible: Eligible;
  readonly #queue: Queue;
  readonly #runs = new Map<string, Run>();
  readonly #running = new Map<string, number>();
  readonly #quotas = new Map<string, number>();
  readonly #gates: Gates<Member, Run>;
  readonly #fences: Fences;
  readonly #reasons: Reasons;
  #commands: SchedulerCommand[] = [];
  #wakeAt = Number.POSITIVE_INFINITY;
  #now = 0;
  /** What was offered is ranked with all that comes at the same moment: at the next wake-up. */
  #late = false;

  constructor(rule: Rule, clock: Pick<Clock, "now">, options: SchedulerOptions) {
    this.#rule = rule;
    this.#clock = clock;
    this.#options = options;
    this.#members = new Members(options);
    this.#eligible = new Eligible(this.#members, options);
    this.#queue = new Queue(rule.rank === undefined ? null : (card) => rule.rank?.(card) ?? 0);
    this.#gates = new Gates((command) => this.#emit(command));
    this.#fences = new Fences(options);
    this.#reasons = new Reasons(this.#queue, this.#eligible, (command) => this.#emit(command));
  }

  handle(event: SchedulerEvent): SchedulerCommand[] {
    this.#commands = [];
    this.#now = Math.max(this.#now, this.#clock.now());
    if (event.type === "tick" || this.#now >= this.#wakeAt) this.#wakeUp();
    this.#apply(event);
    this.#late ||= event.type === "offer" && this.#rule.rank !== undefined;
    const idle = this.#late || MAKES_NO_ROOM.has(event.type);
    if (!idle || this.#reasons.stale) this.#dispatch();
    if (event.type === "offer") this.#reasons.told(event.card);
    this.#reasons.tell();
    this.#askWake();
    return this.#commands;
  }

  snapshot(): SchedulerSnapshot {
    return snapshotOf(this.#queue.byKey.values(), this.#runs.values(), this.#members);
  }

  #apply(event: SchedulerEvent): void {
    switch (event.type) {
      case "offer":
        this.#offer(event.card);
        break;
      case "progress":
        if (isCount(event.outputTokens)) this.#progress(event);
        break;
      case "done":
        this.#done(event);
        break;
      case "withdraw":
        this.#withdraw(event.key);
        break;
      case "worker":
        this.#seen(event);
        break;
      case "worker_lost":
        this.#lost(event);
        break;
      case "telemetry":
        this.#heardOf(this.#members.measure(event));
        break;
      case "committed":
        this.#eligible.committed(event.policy, event.version);
        this.#reasons.stale = true;
        break;
      case "job":
        if (event.maxRunning == null) this.#quotas.delete(event.job);
        else this.#quotas.set(event.job, plausibleSize(event.maxRunning));
        break;
      case "gate":
        this.#gate(event);
        break;
      case "ungate":
        this.#ungate(event.worker);
        break;
      case "session_finished":
        this.#rule.sessionFinished?.(event.session);
        break;
      case "cache":
      case "tick":
        break;
    }
  }

  #offer(card: Card): void {
    const waiting = this.#queue.byKey.get(card.key);
    const run = this.#runs.get(card.key);
    const latest = (waiting?.card ?? run?.card)?.attempt ?? 0;
    if (card.attempt <= latest || this.#fences.stops(card, this.#now)) return;
    if (card.attempt === 1 && this.#queue.size >= this.#options.waitingLimit) {
      const message = `${this.#queue.size} rollouts wait already`;
      this.#emit({ type: "refuse", key: card.key, code: "overloaded", message, path: null });
      return;
    }
    this.#withdraw(card.key);
    const refusal = this.#eligible.refusal(card);
    if (refusal !== null) {
      this.#emit(refusal);
      return;
    }
    this.#rule.offered?.(card);
    this.#queue.add(card);
  }

  #progress({ key, attempt, outputTokens }: Event<"progress">): void {
    const run = this.#run(key, attempt);
    if (run === null) return;
    const most = Math.min(run.card.maxNewTokens, outputTokens);
    if (most > run.outputTokens) run.slot.grow(run, most);
  }

  #done({ key, attempt, outcome, outputTokens }: Event<"done">): void {
    const run = this.#run(key, attempt);
    if (run === null) return;
    if (outputTokens !== undefined && isCount(outputTokens))
      this.#progress({ type: "progress", key, attempt, outputTokens });
    if (outcome === "lost") {
      run.slot.worker.suspectUntil = this.#now + this.#options.suspectMs;
      this.#reasons.stale = true;
    }
    this.#end(run, outcome === "finished");
  }

  #withdraw(key: string): void {
    const waiting = this.#queue.byKey.get(key);
    if (waiting !== undefined) this.#queue.remove(waiting);
    const run = this.#runs.get(key);
    if (run !== undefined) this.#end(run, false);
  }

  #seen({ worker: view }: Event<"worker">): void {
    const known = this.#members.byId.get(view.id);
    if (known !== undefined && known.incarnation !== view.incarnation) this.#lose(known);
    const pool = this.#members.byId.get(view.id)?.view.pool;
    const member = this.#members.see(view);
    this.#heardOf(member);
    if (pool !== undefined && pool !== view.pool) this.#gates.repooled(member, view.pool);
    this.#reasons.refuseHopeless();
    this.#reasons.stale = true;
  }

  #lost({ worker, incarnation }: Event<"worker_lost">): void {
    const member = this.#members.byId.get(worker);
    if (member?.incarnation === incarnation) this.#lose(member);
  }

  #lose(member: Member): void {
    this.#members.byId.delete(member.id);
    this.#gates.lost(member);
    this.#reasons.stale = true;
    for (const run of member.attempts) {
      const { key, attempt } = run.card;
      this.#emit({ type: "revoke", key, attempt, reason: "worker_lost" });
      this.#end(run, false);
    }
  }

  #heardOf(member: Member | null): void {
    if (member === null || member.suspectUntil === 0) return;
    member.suspectUntil = 0;
    this.#reasons.stale = true;
  }

  #gate(order: Event<"gate">): void {
    const member = this.#members.byId.get(order.worker);
    if (member === undefined) {
      this.#emit({ type: "gated", worker: order.worker, kept: [] });
      return;
    }
    member.gated = true;
    this.#reasons.stale = true;
    this.#gates.shut(member, order, this.#now);
  }

  #ungate(id: string): void {
    const member = this.#members.byId.get(id);
    if (member === undefined) return;
    this.#gates.lift(member);
    member.gated = false;
    this.#reasons.stale = true;
  }

  #dispatch(): void {
    const most = new Map<string, number>();
    for (;;) {
      const next = this.#queue.first(most);
      if (next === null) return;
      const { card } = next.waiting;
      const full = this.#full(card.job);
      const [first, ...others] = full ? [] : this.#eligible.places(card);
      const place =
        first === undefined ? null : this.#rule.pick(card, [first, ...others], this.#now);
      if (place === null && first !== undefined && this.#rule.strict === true) return;
      if (place !== null) {
        this.#grant(next.waiting, new Run(card, place, this.#eligible.held(card, place.worker)));
        continue;
      }
      // Who is too long for all that are open holds back nobody who is not.
      most.set(next.line, first === undefined && !full ? this.#eligible.longest(card) : 0);
    }
  }

  #grant(waiting: Waiting, run: Run): void {
    const { card, slot, held } = run;
    this.#queue.remove(waiting);
    this.#runs.set(card.key, run);
    this.#running.set(card.job, (this.#running.get(card.job) ?? 0) + 1);
    slot.take(run);
    this.#rule.granted?.(run, this.#now);
    const { id, incarnation } = slot.worker;
    const most = (card.cuttable ? this.#rule.segment?.(card, slot) : null) ?? null;
    const segment = most !== null && most < card.maxNewTokens - card.outputTokens ? most : null;
    const where = { worker: id, slot: slot.index, incarnation, held, segment };
    this.#emit({ type: "grant", key: card.key, attempt: card.attempt, ...where });
  }

  #end(run: Run, finished: boolean): void {
    const { card, slot } = run;
    this.#runs.delete(card.key);
    const left = (this.#running.get(card.job) ?? 1) - 1;
    if (left === 0) this.#running.delete(card.job);
    else this.#running.set(card.job, left);
    this.#fences.ended(card, this.#now);
    slot.drop(run);
    this.#rule.ended?.(run, finished, this.#now);
    this.#gates.ended(run);
  }

  #full(job: string): boolean {
    return (this.#running.get(job) ?? 0) >= (this.#quotas.get(job) ?? Number.POSITIVE_INFINITY);
  }

  #wakeUp(): void {
    this.#wakeAt = Number.POSITIVE_INFINITY;
    this.#late = false;
    this.#gates.expire(this.#now);
    for (const member of this.#members.byId.values()) {
      if (member.suspectUntil > 0 && member.suspectUntil <= this.#now) this.#heardOf(member);
    }
  }

  #askWake(): void {
    let next = this.#gates.next;
    for (const { suspectUntil } of this.#members.byId.values()) {
      if (suspectUntil > 0) next = Math.min(next, suspectUntil);
    }
    const { recheckMs } = this.#rule;
    if (recheckMs !== undefined && this.#queue.size > 0)
      next = Math.min(next, this.#now + recheckMs);
    if (this.#late) next = this.#now;
    if (next >= this.#wakeAt) return;
    this.#wakeAt = next;
    this.#emit({ type: "wake", at: next });
  }

  /** The attempt, if it is the one that runs; anything older is void. */
  #run(key: string, attempt: number): Run | null {
    const run = this.#runs.get(key);
    return run?.card.attempt === attempt ? run : null;
  }

  #emit(command: SchedulerCommand): void {
    this.#commands.push(command);
  }
}
