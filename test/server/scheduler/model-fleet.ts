/**
 * A second, slow and plain book-keeping of the scheduler's world, which checks every command against
 * the rules and finds at the end whoever was forgotten. It drives random histories: each step names
 * something by number, and means whatever of that sort exists then.
 */
import assert from "node:assert/strict";
import type { OnUpdate } from "../../../server/contract/policy.ts";
import type { Card, Outcome } from "../../../server/scheduler/card.ts";
import type {
  KvTiers,
  SchedulerCommand,
  SchedulerEvent,
  WorkerView,
} from "../../../server/scheduler/events.ts";
import { createScheduler } from "../../../server/scheduler/scheduler.ts";
import {
  CONSTRAINTS,
  canServe,
  fitsEmpty,
  honours,
  inPool,
  pick,
  versionAllowed,
} from "./model-rules.ts";
import { Bench, card, HEADROOM, held, worker } from "./samples.ts";

interface Run {
  readonly card: Card;
  readonly worker: string;
  readonly slot: number;
  readonly incarnation: string;
  /** Under which it was granted, and output at which it is cut; null: never. */
  readonly version: number;
  readonly cutAt: number | null;
  output: number;
  revoked: boolean;
}

const PREFIX: readonly number[] = [11, 22, 33, 44];
const HOST: KvTiers = { hostTokens: 500, hostTokensPerSecond: 1e5, poolTokensPerSecond: null };
const POOL: KvTiers = { hostTokens: 500, hostTokensPerSecond: 1e5, poolTokensPerSecond: 1e5 };

export const WAITING_LIMIT = 12;
/** Regimes that come and go within a history, and many cuts. */
const HASTY = {
  regimeSeconds: 0.02,
  regimeDwellSeconds: 0.02,
  estimateAfter: 2,
  calibrationWindow: 8,
  trustedSigma: 1,
  segmentTokens: { pool: 16, host: 32 },
  rankTokens: 16,
  cheapResumeShare: 10,
};
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
  #latest = 0;
  #wakeAt = Number.POSITIVE_INFINITY;

  constructor({ create, bounded }: Subject = OURS) {
    const limits = { waitingLimit: WAITING_LIMIT, suspectMs: SUSPECT_MS, heldBatch: 4 };
    this.bench = new Bench({ ...limits, ...HASTY }, create);
    this.#bounded = bounded;
  }

  /** A whole history, to where whoever can be served is served. */
  live(acts: readonly ((fleet: ModelFleet) => void)[]): void {
    this.commit("p");
    this.worker(0, 4, false);
    for (const act of acts) act(this);
    this.settle();
  }

  send(event: SchedulerEvent): void {
    // A clock that goes back stands still.
    this.#latest = Math.max(this.#latest, this.bench.now);
    // A wake-up that is due counts as come: the scheduler makes up for a tick that is late.
    for (const [id, until] of this.#suspects) {
      if (until <= this.#latest) this.#suspects.delete(id);
    }
    if (this.#latest >= this.#wakeAt) this.#wakeAt = Number.POSITIVE_INFINITY;
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
      const usable = Math.floor(slot.kvTokens * (1 - HEADROOM));
      assert.ok(slot.reservedTokens <= usable, `${slot.reservedTokens} reserved of ${usable}`);
    }
    this.#assertBooks();
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
        prefix: m % 3 === 0 ? PREFIX.slice(0, 1 + (n % PREFIX.length)) : [],
        cuttable: n % 2 === 0,
        deadlineVersion: m % 7 === 0 ? (this.committed.get("p") ?? 0) + 1 : null,
        prompt: n % 3 === 0 ? `t${m % 6}` : null,
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
    run.output = Math.min(run.cutAt ?? run.card.maxNewTokens, run.output + tokens);
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

  /** One that was granted a segment has made it, and goes on in another attempt. */
  cut(n: number): void {
    const run = pick(
      [...this.running.values()].filter(({ cutAt }) => cutAt !== null),
      n,
    );
    if (run === undefined) return;
    const { card: old, cutAt, version } = run;
    this.#forgetRun(run);
    const { key, attempt } = old;
    const outputTokens = cutAt ?? old.outputTokens;
    this.send({ type: "done", key, attempt, outcome: "cut", outputTokens });
    this.#offer({ ...old, attempt: attempt + 1, outputTokens, lastVersion: version });
  }

  /** An engine tells of its cache: what is true or not, of this life or another. */
  cache(n: number, m: number): void {
    const view = pick([...this.workers.values()], n);
    if (view === undefined) return;
    const kind = pick(["stored", "stored", "removed", "cleared"] as const, m) ?? "stored";
    const blocks = kind === "cleared" ? [] : PREFIX.slice(0, 1 + (n % PREFIX.length));
    this.send({ type: "cache", worker: view.id, slot: n % 3, life: m % 4, kind, blocks });
  }

  sessionOver(n: number): void {
    this.send({ type: "session_finished", session: `s${n % 4}` });
  }

  /** A worker goes to another pool. */
  repool(n: number, other: boolean): void {
    const view = pick([...this.workers.values()], n);
    if (view !== undefined) this.#join({ ...view, pool: other ? "b" : "a" });
  }

  /** A worker is gated, takes what was committed last, and is opened again. */
  update(n: number, onUpdate: OnUpdate): void {
    const view = pick([...this.workers.values()], n);
    if (view === undefined) return;
    this.gate(n, "update", onUpdate, 20);
    this.#join({ ...view, holds: [held(this.committed.get("p") ?? 1)], open: true });
    this.ungate(n);
  }

  /** Reports that no engine can mean, of nobody, or of a time before; none of it may change anything. */
  lie(n: number, m: number): void {
    const view = pick([...this.workers.values()], n);
    const bad = pick([Number.NaN, -1, Number.POSITIVE_INFINITY], m) ?? -1;
    const load = { slot: n % 2, running: 1, waiting: 0 };
    const rates = { step: { a: bad, s: bad }, prefillTokensPerSecond: bad };
    const run = pick([...this.running.values()], n);
    const lies: readonly SchedulerEvent[] = [
      { type: "telemetry", worker: "nobody", kvUsedTokens: 0, ...load, ...rates },
      { type: "committed", policy: "p", version: 0 },
      { type: "worker_lost", worker: view?.id ?? "w0", incarnation: "w0-0" },
      { type: "gate", worker: "nobody", why: "drain", onUpdate: "keep", graceMs: bad },
      { type: "job", job: "j9", weight: bad, maxRunning: null },
      { type: "progress", key: run?.card.key ?? "", attempt: 99, outputTokens: bad },
      {
        type: "progress",
        key: run?.card.key ?? "",
        attempt: run?.card.attempt ?? 0,
        outputTokens: Number.NaN,
      },
    ];
    if (view !== undefined && m % 2 === 0) {
      this.#suspects.delete(view.id);
      this.send({ type: "telemetry", worker: view.id, kvUsedTokens: bad, ...load, ...rates });
    }
    const now = this.bench.now;
    this.bench.now -= m;
    this.send(lies[n % lies.length] ?? { type: "tick" });
    this.bench.now = now;
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
    if (n % 4 === 1) this.#join({ ...view, maxModelLen: 250, tiers: HOST });
    else if (n % 4 === 0) this.#join({ ...view, tiers: POOL });
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
    for (const { worker: id, card: there, revoked } of this.running.values()) {
      if (id === view.id) assert.ok(revoked || inPool(there, view), `${there.key} is not revoked`);
    }
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

  /** Each slot and each job counts what this book counts, and no sum has gone astray. */
  #assertBooks(): void {
    const { slots, jobs } = this.bench.scheduler.snapshot();
    const runs = [...this.running.values()];
    for (const { worker: id, slot, running, reservedTokens } of slots) {
      const there = runs.filter((run) => run.worker === id && run.slot === slot);
      assert.equal(running, there.length, `running on ${id}/${slot}`);
      assert.ok(
        reservedTokens >= 0 && Number.isFinite(reservedTokens),
        `${reservedTokens} reserved`,
      );
      if (running === 0) assert.equal(reservedTokens, 0, `reserved on an empty ${id}/${slot}`);
    }
    for (const { job, waiting, running } of jobs) {
      assert.equal(running, runs.filter((run) => run.card.job === job).length, `${job} runs`);
      const wait = [...this.waiting.values()].filter((each) => each.job === job);
      assert.equal(waiting, wait.length, `${job} waits`);
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
        const view = this.workers.get(run.worker);
        const elsewhere = view !== undefined && !dead && !inPool(run.card, view);
        if (command.reason === "pool_moved") assert.ok(elsewhere, `${command.key} may stay`);
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
        assert.ok(command.at >= this.#latest && command.at < this.#wakeAt);
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
    const { incarnation, segment } = grant;
    const output = granted.outputTokens;
    if (segment !== null) {
      assert.ok(granted.cuttable && segment >= 1, `${key} may not be cut`);
      assert.ok(output + segment < granted.maxNewTokens, `${key} is cut at its end`);
    }
    const cutAt = segment === null ? null : output + segment;
    const run = { worker: view.id, slot: grant.slot, incarnation, version, cutAt, revoked: false };
    this.running.set(key, { ...run, card: granted, output });
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
    return versionAllowed(asker, each, this.committed.get(asker.policy));
  }
}
