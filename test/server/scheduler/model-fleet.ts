/**
 * A second, slow and plain book-keeping of the scheduler's world, which checks every command against
 * the rules and finds at the end whoever was forgotten. It drives random histories: each step names
 * something by number, and means whatever of that sort exists then.
 */
import assert from "node:assert/strict";
import { allows, type OnUpdate, type VersionConstraint } from "../../../server/contract/policy.ts";
import type { Card, Outcome } from "../../../server/scheduler/card.ts";
import type {
  SchedulerCommand,
  SchedulerEvent,
  WorkerView,
} from "../../../server/scheduler/events.ts";
import { DEFAULT_OPTIONS } from "../../../server/scheduler/options.ts";
import { createScheduler } from "../../../server/scheduler/scheduler.ts";
import { Bench, card, held, worker } from "./samples.ts";

interface Run {
  readonly card: Card;
  readonly worker: string;
  readonly slot: number;
  readonly incarnation: string;
  output: number;
  revoked: boolean;
}

const pick = <T>(items: readonly T[], n: number): T | undefined => items[n % items.length];

const CONSTRAINTS: readonly (VersionConstraint | null)[] = [
  null,
  null,
  { exact: 2 },
  { min: 2 },
  { max_lag: 1 },
  { min_step: 20 },
];

export const WAITING_LIMIT = 12;
const SUSPECT_MS = 40;

export interface Subject {
  readonly create: typeof createScheduler;
  /** Whether it fills a slot no further than it can hold; other disciplines leave that to engines. */
  readonly bounded: boolean;
}

export const OURS: Subject = { create: createScheduler, bounded: true };

export class ModelFleet {
  readonly bench: Bench;
  readonly #bounded: boolean;
  readonly workers = new Map<string, WorkerView>();
  readonly committed = new Map<string, number>();
  readonly waiting = new Map<string, Card>();
  readonly running = new Map<string, Run>();
  readonly #told = new Map<string, string>();
  readonly #granted = new Set<string>();
  readonly #gates = new Set<string>();
  readonly #suspects = new Map<string, number>();
  /** Attempts of a job at once. */
  readonly #mayRun = new Map<string, number>();
  /** Attempts that ended or were withdrawn, for duplicates. */
  readonly #past: Card[] = [];
  #next = 0;
  #wakeAt = Number.POSITIVE_INFINITY;

  constructor({ create, bounded }: Subject = OURS) {
    const options = { waitingLimit: WAITING_LIMIT, suspectMs: SUSPECT_MS, heldBatch: 4 };
    this.bench = new Bench(options, create);
    this.#bounded = bounded;
  }

  send(event: SchedulerEvent): void {
    // A wake-up that is due counts as come: the scheduler makes up for a tick that is late.
    for (const [id, until] of this.#suspects) {
      if (until <= this.bench.now) this.#suspects.delete(id);
    }
    if (this.bench.now >= this.#wakeAt) this.#wakeAt = Number.POSITIVE_INFINITY;
    const commands = this.bench.scheduler.handle(event);
    for (const command of commands) this.#check(command);
    const { waiting, running, slots } = this.bench.scheduler.snapshot();
    assert.equal(waiting, this.waiting.size, "waiting");
    assert.equal(running, this.running.size, "running");
    for (const command of commands) {
      if (command.type !== "grant" || !this.#bounded) continue;
      const slot = slots.find(
        (each) => each.worker === command.worker && each.slot === command.slot,
      );
      assert.ok(slot);
      const usable = Math.floor(slot.kvTokens * (1 - DEFAULT_OPTIONS.kvHeadroom));
      assert.ok(slot.reservedTokens <= usable, `${slot.reservedTokens} reserved of ${usable}`);
    }
    const resumed = [...this.waiting.values()].filter(({ attempt }) => attempt > 1).length;
    assert.ok(waiting - resumed <= WAITING_LIMIT, "the buffer's bound");
  }

  offer(n: number, m: number): void {
    const key = `j${n % 3}/${this.#next++}`;
    this.#offer(
      card(key, {
        job: `j${n % 3}`,
        policy: n % 7 === 0 ? "q" : "p",
        pool: pick([null, null, "a", "b"], m) ?? null,
        promptTokens: pick([10, 90, 200, 200, 880], m) ?? 1,
        maxNewTokens: pick([1, 50, 120, 300], n) ?? 1,
        expectedNewTokens: n % 5 === 0 ? 60 : null,
        priority: m % 4 === 0 ? (n % 3) - 1 : 0,
        session: m % 6 === 0 ? `s${n % 4}` : null,
        group: m % 5 === 0 ? { id: `g${n % 3}`, size: 4, index: 0 } : null,
        constraint: pick(CONSTRAINTS, n >> 2) ?? null,
        onUpdate: pick([null, "keep", "reprefill", "finish"] as const, m >> 1) ?? null,
        logprobModes: m % 9 === 0 ? ["raw"] : ["processed", "tempered"],
        features: n % 8 === 0 ? ["structured"] : [],
        resume: { seeded: n % 2 === 0, penalties: false },
        acceptedAt: this.bench.now,
      }),
    );
  }

  progress(n: number, tokens: number): void {
    const run = pick([...this.running.values()], n);
    if (run === undefined) return;
    run.output = Math.min(run.card.maxNewTokens, run.output + tokens);
    const { key, attempt } = run.card;
    this.send({ type: "progress", key, attempt, outputTokens: run.output });
  }

  done(n: number, outcome: Outcome, again: boolean): void {
    const run = pick([...this.running.values()], n);
    if (run === undefined) return;
    const { card: old, output } = run;
    this.#forgetRun(run);
    if (outcome === "lost") this.#suspects.set(run.worker, this.bench.now + SUSPECT_MS);
    const { key, attempt } = old;
    this.send({ type: "done", key, attempt, outcome, outputTokens: output });
    if (!again || outcome === "finished") return;
    const avoid = outcome === "failed" ? [...old.avoid, run.incarnation] : old.avoid;
    const lastVersion = output > 0 ? (this.committed.get(old.policy) ?? null) : old.lastVersion;
    this.#offer({ ...old, attempt: attempt + 1, outputTokens: output, avoid, lastVersion });
  }

  withdraw(n: number): void {
    const key = pick([...this.waiting.keys(), ...this.running.keys()], n);
    if (key === undefined) return;
    const run = this.running.get(key);
    if (run !== undefined) this.#forgetRun(run);
    this.waiting.delete(key);
    this.send({ type: "withdraw", key });
  }

  /** Repeats what has been said before: none of it may count. */
  late(n: number): void {
    const old = pick(this.#past, n);
    const current = pick([...this.waiting.values()], n);
    if (current !== undefined) this.send({ type: "offer", card: current });
    if (old === undefined || this.waiting.has(old.key)) return;
    const { key, attempt } = old;
    if (this.running.get(key)?.card.attempt === attempt) return;
    this.send({ type: "offer", card: old });
    this.send({ type: "progress", key, attempt, outputTokens: 3 });
    this.send({ type: "done", key, attempt, outcome: "finished" });
  }

  /** Joins, changes or restarts a worker. */
  worker(n: number, m: number, restart: boolean): void {
    const id = `w${n % 4}`;
    const known = this.workers.get(id);
    const birth = Number(known?.incarnation.split("-")[1] ?? 0) + (restart || !known ? 1 : 0);
    const incarnation = `${id}-${birth}`;
    const version = 1 + (m % 4);
    const holds = [held(version), ...(m % 3 === 0 ? [held(1 + (n % 3), "q")] : [])];
    const pool = n % 4 === 3 ? "b" : "a";
    const shape = { kvTokens: [1_000, 1_100, 400, 1_000][n % 4] ?? 1, maxRunning: 3, slots: 2 };
    const view = worker(id, { incarnation, holds, pool, open: m % 5 !== 0 }, shape);
    if (n % 4 === 1) this.#join({ ...view, maxModelLen: 250 });
    else if (n % 4 !== 2) this.#join(view);
    else {
      const { capabilities } = view;
      this.#join({ ...view, capabilities: { ...capabilities, sampling: ["structured"] } });
    }
  }

  lose(n: number): void {
    const view = pick([...this.workers.values()], n);
    if (view === undefined) return;
    this.#orphan(view.id);
    this.workers.delete(view.id);
    this.send({ type: "worker_lost", worker: view.id, incarnation: view.incarnation });
    this.#assertOrphansRevoked();
  }

  telemetry(n: number, kvUsedTokens: number): void {
    const view = pick([...this.workers.values()], n);
    if (view === undefined) return;
    this.#suspects.delete(view.id);
    const step = { a: 0.01 + (n % 3) / 100, s: 0.0002 };
    const rates = { step: n % 2 === 0 ? step : null, prefillTokensPerSecond: null };
    const load = { kvUsedTokens, running: n % 2, waiting: 0 };
    this.send({ type: "telemetry", worker: view.id, slot: n % 2, ...load, ...rates });
  }

  commit(policy: string): void {
    const version = (this.committed.get(policy) ?? 0) + 1;
    this.committed.set(policy, version);
    this.send({ type: "committed", policy, version });
  }

  gate(n: number, why: "update" | "drain" | "migrate", onUpdate: OnUpdate, graceMs: number): void {
    const view = pick([...this.workers.values()], n);
    if (view === undefined) return;
    this.#gates.add(view.id);
    this.send({ type: "gate", worker: view.id, why, onUpdate, graceMs });
  }

  /** `most`: how many may run at once; 0 for no limit. */
  job(n: number, most: number): void {
    const job = `j${n % 3}`;
    this.#mayRun.set(job, most === 0 ? Number.POSITIVE_INFINITY : most);
    this.send({ type: "job", job, weight: 1 + (n % 2), maxRunning: most === 0 ? null : most });
  }

  ungate(n: number): void {
    const view = pick([...this.workers.values()], n);
    if (view === undefined) return;
    this.#gates.delete(view.id);
    this.send({ type: "ungate", worker: view.id });
  }

  advance(ms: number): void {
    this.bench.now += ms;
    if (this.bench.now >= this.#wakeAt) this.send({ type: "tick" });
  }

  /** Opens everything, ends whatever runs until nothing comes any more; what then waits must have no place. */
  settle(): void {
    this.bench.now += 10_000;
    for (const view of [...this.workers.values()]) {
      this.#gates.delete(view.id);
      this.send({ type: "ungate", worker: view.id });
      this.#join({ ...view, open: true });
      for (const { index } of view.slots) {
        const rates = { step: null, prefillTokensPerSecond: null };
        const load = { kvUsedTokens: 0, running: 0, waiting: 0 };
        this.send({ type: "telemetry", worker: view.id, slot: index, ...load, ...rates });
      }
    }
    while (this.running.size > 0) this.done(0, "finished", false);
    for (let i = 0; i < 100 && this.#wakeAt <= this.bench.now; i++) this.send({ type: "tick" });
    for (const [key, waiting] of this.waiting) {
      const places = [...this.workers.values()].filter((view) => this.#mayServe(waiting, view));
      const fitting = places.filter((view) => fitsEmpty(waiting, view));
      assert.deepEqual(fitting, [], `${key} was forgotten`);
      if (places.length > 0) continue;
      const capable = [...this.workers.values()].filter((view) => canServe(waiting, view));
      const lacking = capable.some(
        ({ holds }) => holds.length === 0 || holds.some(({ policy }) => policy === waiting.policy),
      );
      const avoided =
        waiting.avoid.length > 0 && capable.some((view) => this.#version(waiting, view));
      const reason = lacking && !avoided ? "version_unavailable" : "no_eligible_worker";
      assert.equal(this.#told.get(key), reason, `${key} was told`);
    }
  }

  #offer(offered: Card): void {
    this.waiting.set(offered.key, offered);
    this.#told.delete(offered.key);
    this.send({ type: "offer", card: offered });
    if (this.waiting.has(offered.key))
      assert.ok(this.#told.has(offered.key), "held is told at once");
  }

  #join(view: WorkerView): void {
    if (this.workers.get(view.id)?.incarnation !== view.incarnation) this.#orphan(view.id);
    this.#suspects.delete(view.id);
    this.workers.set(view.id, view);
    this.send({ type: "worker", worker: view });
    this.#assertOrphansRevoked();
  }

  /** The worker dies in the next event: all that runs there must be revoked in it. */
  #orphan(id: string): void {
    this.#gates.delete(id);
    this.#suspects.delete(id);
  }

  #assertOrphansRevoked(): void {
    for (const { worker: id, incarnation, card: lost } of this.running.values()) {
      assert.equal(this.workers.get(id)?.incarnation, incarnation, `${lost.key} runs on the dead`);
    }
  }

  #forgetRun(run: Run): void {
    this.running.delete(run.card.key);
    this.#past.push(run.card);
  }

  #check(command: SchedulerCommand): void {
    switch (command.type) {
      case "grant":
        this.#checkGrant(command);
        break;
      case "held":
        assert.ok(this.waiting.has(command.key), `${command.key} is held and does not wait`);
        assert.notEqual(this.#told.get(command.key), command.reason, "told twice");
        this.#told.set(command.key, command.reason);
        break;
      case "refuse":
        this.#checkRefusal(command);
        break;
      case "revoke": {
        const run = this.running.get(command.key);
        assert.equal(run?.card.attempt, command.attempt);
        assert.ok(run);
        const dead = this.workers.get(run.worker)?.incarnation !== run.incarnation;
        assert.equal(dead, command.reason === "worker_lost");
        if (!dead) assert.ok(!run.revoked, "revoked twice");
        run.revoked = true;
        if (dead) this.#forgetRun(run);
        break;
      }
      case "gated": {
        const there = [...this.running.values()].filter((run) => run.worker === command.worker);
        const live = there.filter(
          (run) => this.workers.get(run.worker)?.incarnation === run.incarnation,
        );
        assert.deepEqual([...command.kept].sort(), live.map((run) => run.card.key).sort());
        assert.ok(live.every((run) => !run.revoked));
        break;
      }
      case "wake":
        assert.ok(command.at >= this.bench.now && command.at < this.#wakeAt);
        this.#wakeAt = command.at;
        break;
    }
  }

  #checkGrant(grant: Extract<SchedulerCommand, { type: "grant" }>): void {
    const { key, attempt } = grant;
    const granted = this.waiting.get(key);
    assert.ok(granted, `${key} is granted and does not wait`);
    assert.equal(granted.attempt, attempt);
    assert.ok(!this.#granted.has(`${key}#${attempt}`), `${key}#${attempt} is granted twice`);
    this.#granted.add(`${key}#${attempt}`);
    const view = this.workers.get(grant.worker);
    assert.ok(view);
    assert.equal(view.incarnation, grant.incarnation);
    assert.ok(view.open && !this.#gates.has(view.id), `${view.id} is closed`);
    assert.ok(!this.#suspects.has(view.id), `${view.id} is suspect`);
    assert.ok(this.#mayServe(granted, view), `${key} may not run on ${view.id}`);
    const { version, policy } = grant.held;
    assert.ok(fitsEmpty(granted, view), `${key} is too long for ${view.id}`);
    assert.equal(policy, granted.policy);
    assert.ok(view.holds.some((each) => each.policy === policy && each.version === version));
    assert.ok(this.#versionAllowed(granted, grant.held), `${key} under ${version} (I3)`);
    const slot = view.slots.find(({ index }) => index === grant.slot);
    assert.ok(slot);
    const there = [...this.running.values()].filter(
      (run) => run.worker === view.id && run.slot === grant.slot,
    );
    assert.ok(!this.#bounded || there.length < slot.maxRunning, "maxRunning");
    const { job } = granted;
    const siblings = [...this.running.values()].filter((run) => run.card.job === job);
    assert.ok(siblings.length < (this.#mayRun.get(job) ?? siblings.length + 1), `${job} has all`);
    const { incarnation } = grant;
    const run = { worker: view.id, slot: grant.slot, incarnation, revoked: false };
    this.running.set(key, { ...run, card: granted, output: granted.outputTokens });
    this.waiting.delete(key);
  }

  #checkRefusal({ key, code }: Extract<SchedulerCommand, { type: "refuse" }>): void {
    const refused = this.waiting.get(key);
    assert.ok(refused && refused.attempt === 1, `${key} is refused`);
    this.waiting.delete(key);
    const pool = [...this.workers.values()].filter((view) => inPool(refused, view));
    const capable = pool.filter((view) => honours(refused, view));
    if (code === "overloaded") assert.ok(this.waiting.size >= WAITING_LIMIT);
    else assert.ok(pool.length > 0);
    if (code === "unsupported") assert.deepEqual(capable, []);
    if (code === "prompt_too_long") {
      assert.ok(capable.length > 0 && !capable.some((view) => fitsEmpty(refused, view)));
    }
  }

  #mayServe(asker: Card, view: WorkerView): boolean {
    if (!canServe(asker, view) || asker.avoid.includes(view.incarnation)) return false;
    return this.#version(asker, view);
  }

  #version(asker: Card, view: WorkerView): boolean {
    return view.holds.some((each) => this.#versionAllowed(asker, each));
  }

  #versionAllowed(asker: Card, each: WorkerView["holds"][number]): boolean {
    const committed = this.committed.get(asker.policy);
    if (committed === undefined || each.version > committed) return false;
    if (each.policy !== asker.policy || each.version < (asker.lastVersion ?? 0)) return false;
    return allows(asker.constraint, each, committed);
  }
}

const inPool = (asker: Card, view: WorkerView): boolean =>
  asker.pool === null || asker.pool === view.pool;

function honours(asker: Card, { capabilities }: WorkerView): boolean {
  return (
    asker.features.every((feature) => capabilities.sampling.includes(feature)) &&
    asker.logprobModes.some((mode) => capabilities.logprobModes.includes(mode)) &&
    (!asker.resume.seeded || capabilities.resume.seeded)
  );
}

const canServe = (asker: Card, view: WorkerView): boolean =>
  inPool(asker, view) && honours(asker, view);

function fitsEmpty(asker: Card, view: WorkerView): boolean {
  const least =
    asker.promptTokens + asker.outputTokens + Math.min(1, asker.maxNewTokens - asker.outputTokens);
  const usable = Math.floor(Math.max(...view.slots.map(({ kvTokens }) => kvTokens)) * 0.9);
  return least <= Math.min(usable, view.maxModelLen);
}
