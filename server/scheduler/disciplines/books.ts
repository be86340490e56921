/** What a discipline's frame knows of the fleet: workers, their slots, and the attempts that run on each. */
import type { HeldVersion } from "../../contract/policy.ts";
import type { Slot } from "../../contract/worker.ts";
import { nameOf } from "../adapters.ts";
import type { Card } from "../card.ts";
import { type KindFacts, kindFacts } from "../eligibility.ts";
import type { SchedulerEvent, WorkerView } from "../events.ts";
import type { SchedulerOptions } from "../options.ts";
import { isPrefillRate, isStep, plausibleSize } from "../plausible.ts";

type Telemetry = Extract<SchedulerEvent, { type: "telemetry" }>;

export class Run {
  readonly card: Card;
  readonly slot: Place;
  readonly held: HeldVersion;
  outputTokens: number;
  revoked = false;

  constructor(card: Card, slot: Place, held: HeldVersion) {
    this.card = card;
    this.slot = slot;
    this.held = held;
    this.outputTokens = card.outputTokens;
  }

  get contextTokens(): number {
    return this.card.promptTokens + this.outputTokens;
  }

  /** No token of this attempt was heard of: its prompt is still to be prefilled. */
  get unseen(): boolean {
    return this.outputTokens === this.card.outputTokens;
  }
}

/** A slot that a card may be put on. */
export class Place {
  readonly worker: Member;
  readonly index: number;
  /** In order of joining: what turns go by. */
  readonly order: number;
  kvTokens = 1;
  maxRunning = 1;
  listed = true;
  readonly runs = new Set<Run>();
  /** Σ context of what runs here, as last reported. */
  contextTokens = 0;
  step: { readonly a: number; readonly s: number };
  prefillTokensPerSecond: number;
  /** Counts what emptied its cache. */
  cacheLife = 0;

  constructor(worker: Member, shape: Slot, order: number, options: SchedulerOptions) {
    this.worker = worker;
    this.index = shape.index;
    this.order = order;
    this.step = options.step;
    this.prefillTokensPerSecond = options.prefillTokensPerSecond;
  }

  get running(): number {
    return this.runs.size;
  }

  /** Prompt tokens of attempts that no token was heard of yet. */
  get pendingTokens(): number {
    let tokens = 0;
    for (const run of this.runs) if (run.unseen) tokens += run.contextTokens;
    return tokens;
  }

  take(run: Run): void {
    this.runs.add(run);
    this.worker.uses(run.held, 1);
    this.contextTokens += run.contextTokens;
  }

  grow(run: Run, outputTokens: number): void {
    this.contextTokens += outputTokens - run.outputTokens;
    run.outputTokens = outputTokens;
  }

  drop(run: Run): void {
    if (!this.runs.delete(run)) return;
    this.worker.uses(run.held, -1);
    this.contextTokens -= run.contextTokens;
  }
}

type Held = Pick<HeldVersion, "policy" | "version" | "base">;

export class Member {
  readonly id: string;
  readonly incarnation: string;
  view: WorkerView;
  facts: KindFacts;
  readonly places: Place[] = [];
  gated = false;
  /** Clock time until which it gets nothing new after a lost attempt; 0 = not suspect. */
  suspectUntil = 0;
  /** Attempts that use each of its adapters. */
  readonly #adapters = new Map<string, number>();

  constructor(view: WorkerView) {
    this.id = view.id;
    this.incarnation = view.incarnation;
    this.view = view;
    this.facts = kindFacts(view);
  }

  get open(): boolean {
    return this.view.open && !this.gated && this.suspectUntil === 0;
  }

  /** Whether its engine has room for what such an attempt needs beside the adapters in use; one that says of none has room for all. */
  hasRoomFor(held: Held): boolean {
    const { adapters = 0 } = this.view.capabilities.weights;
    if (held.base === undefined || !(adapters >= 1)) return true;
    return this.#adapters.has(nameOf(held)) || this.#adapters.size < adapters;
  }

  /** So many attempts more. */
  uses(held: Held, more: 1 | -1): void {
    if (held.base === undefined) return;
    const left = (this.#adapters.get(nameOf(held)) ?? 0) + more;
    if (left === 0) this.#adapters.delete(nameOf(held));
    else this.#adapters.set(nameOf(held), left);
  }

  get attempts(): Run[] {
    return this.places.flatMap(({ runs }) => [...runs]);
  }
}

export class Members {
  readonly byId = new Map<string, Member>();
  readonly #options: SchedulerOptions;
  #orders = 0;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** Same incarnation or a new one that nobody has the name of. */
  see(view: WorkerView): Member {
    const known = this.byId.get(view.id);
    const member = known ?? new Member(view);
    this.byId.set(view.id, member);
    if (JSON.stringify(member.view.holds) !== JSON.stringify(view.holds)) {
      for (const place of member.places) place.cacheLife++;
    }
    member.view = view;
    member.facts = kindFacts(view);
    for (const place of member.places) place.listed = false;
    for (const shape of view.slots) {
      let place = member.places.find(({ index }) => index === shape.index);
      if (place === undefined) {
        place = new Place(member, shape, this.#orders++, this.#options);
        member.places.push(place);
      }
      place.listed = true;
      place.kvTokens = plausibleSize(shape.kvTokens);
      place.maxRunning = plausibleSize(shape.maxRunning);
    }
    return member;
  }

  /** Rates that no engine can have are left out. */
  measure({ worker, slot, step, prefillTokensPerSecond: rate }: Telemetry): Member | null {
    const member = this.byId.get(worker) ?? null;
    const place = member?.places.find(({ index }) => index === slot);
    if (place === undefined) return member;
    if (isStep(step)) place.step = step;
    if (isPrefillRate(rate)) place.prefillTokensPerSecond = rate;
    return member;
  }
}
