/**
 * A second, slow and plain book-keeping of the scheduler's world: each event goes through it, and every command is held
 * against the rules.
 */
import assert from "node:assert/strict";
import type { Card } from "../../../server/scheduler/card.ts";
import type {
  SchedulerCommand,
  SchedulerEvent,
  WorkerView,
} from "../../../server/scheduler/events.ts";
import { canServe, fitsEmpty, honours, inPool, versionAllowed } from "./model-rules.ts";
import { Said } from "./said.ts";
import { Bench, HEADROOM } from "./samples.ts";
import { OURS, type Subject } from "./subjects.ts";

interface Run {
  readonly card: Card;
  readonly worker: string;
  readonly slot: number;
  readonly incarnation: string;
  /** Under which it was granted, and output at which it is cut; null: never. */
  readonly version: number;
  readonly cutAt: number | null;
  /** That it uses; null: it runs on the weights alone. */
  readonly adapter: string | null;
  output: number;
  revoked: boolean;
}

export const WAITING_LIMIT = 12;
export const SUSPECT_MS = 40;
/** Regimes that come and go within a history, and many cuts. */
const HASTY = {
  regimeSeconds: 0.02,
  regimeDwellSeconds: 0.02,
  estimateAfter: 2,
  calibrationWindow: 8,
  trustedSigma: 1,
  segmentTokens: 16,
  rankTokens: 16,
  cheapResumeShare: 10,
};

export class ModelBooks {
  readonly bench: Bench;
  readonly workers = new Map<string, WorkerView>();
  readonly committed = new Map<string, number>();
  readonly waiting = new Map<string, Card>();
  readonly running = new Map<string, Run>();
  /** Why each that waits was told to. */
  readonly told = new Map<string, string>();
  readonly gates = new Set<string>();
  readonly suspects = new Map<string, number>();
  /** Attempts of a job at once. */
  readonly mayRun = new Map<string, number>();
  /** Attempts that ended or were withdrawn, for duplicates. */
  readonly past: Card[] = [];
  /** The last that was said of each rollout, worker, slot, job …: what may be said again. */
  readonly said = new Said();
  wakeAt = Number.POSITIVE_INFINITY;
  readonly #bounded: boolean;
  readonly #granted = new Set<string>();
  #latest = 0;

  constructor({ create, bounded }: Subject = OURS) {
    const limits = { waitingLimit: WAITING_LIMIT, suspectMs: SUSPECT_MS, heldBatch: 4 };
    this.bench = new Bench({ ...limits, ...HASTY }, create);
    this.#bounded = bounded;
  }

  send(event: SchedulerEvent): readonly SchedulerCommand[] {
    // A clock that goes back stands still.
    this.#latest = Math.max(this.#latest, this.bench.now);
    // A wake-up that is due counts as come: the scheduler makes up for a tick that is late.
    for (const [id, until] of this.suspects) {
      if (until <= this.#latest) this.suspects.delete(id);
    }
    if (event.type === "tick" || this.#latest >= this.wakeAt)
      this.wakeAt = Number.POSITIVE_INFINITY;
    this.said.heard(event);
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
    return commands;
  }

  /** With all open and nothing running, what waits has no place. */
  assertNobodyForgotten(): void {
    for (const [key, waiting] of this.waiting) {
      const places = [...this.workers.values()].filter((view) => this.mayServe(waiting, view));
      const fitting = places.filter((view) => fitsEmpty(waiting, view));
      assert.deepEqual(fitting, [], `${key} was forgotten`);
      if (places.length > 0) continue;
      const capable = [...this.workers.values()].filter((view) => canServe(waiting, view));
      const lacking = capable.some(
        ({ holds }) => holds.length === 0 || holds.some(({ policy }) => policy === waiting.policy),
      );
      const avoided =
        waiting.avoid.length > 0 && capable.some((view) => this.version(waiting, view));
      const reason = lacking && !avoided ? "version_unavailable" : "no_eligible_worker";
      assert.equal(this.told.get(key), reason, `${key} was told`);
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

  #check(command: SchedulerCommand): void {
    switch (command.type) {
      case "grant":
        this.#checkGrant(command);
        break;
      case "held":
        assert.ok(this.waiting.has(command.key), `${command.key} is held and does not wait`);
        assert.notEqual(this.told.get(command.key), command.reason, "told twice");
        this.told.set(command.key, command.reason);
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
        if (dead) this.forgetRun(run);
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
        assert.ok(command.at >= this.#latest && command.at < this.wakeAt);
        this.wakeAt = command.at;
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
    assert.ok(view.open && !this.gates.has(view.id), `${view.id} is closed`);
    assert.ok(!this.suspects.has(view.id), `${view.id} is suspect`);
    assert.ok(this.mayServe(granted, view), `${key} may not run on ${view.id}`);
    const { version, policy } = grant.held;
    assert.ok(fitsEmpty(granted, view), `${key} is too long for ${view.id}`);
    assert.equal(policy, granted.policy);
    assert.ok(view.holds.some((each) => each.policy === policy && each.version === version));
    assert.ok(this.#versionAllowed(granted, grant.held), `${key} under ${version} (I3)`);
    const adapter = grant.held.base === undefined ? null : `${policy}@${version}`;
    const loaded = [...this.running.values()].flatMap((run) =>
      run.worker === view.id && run.adapter !== null ? [run.adapter] : [],
    );
    const { adapters = 0 } = view.capabilities.weights;
    const needed = adapter === null ? [] : [...loaded, adapter];
    assert.ok(new Set(needed).size <= adapters, `no room for ${adapter} on ${view.id}`);
    const slot = view.slots.find(({ index }) => index === grant.slot);
    assert.ok(slot);
    const there = [...this.running.values()].filter(
      (run) => run.worker === view.id && run.slot === grant.slot,
    );
    assert.ok(!this.#bounded || there.length < slot.maxRunning, "maxRunning");
    const { job } = granted;
    const siblings = [...this.running.values()].filter((run) => run.card.job === job);
    assert.ok(siblings.length < (this.mayRun.get(job) ?? siblings.length + 1), `${job} has all`);
    const { incarnation, segment } = grant;
    const output = granted.outputTokens;
    if (segment !== null) {
      assert.ok(granted.cuttable && segment >= 1, `${key} may not be cut`);
      assert.ok(output + segment < granted.maxNewTokens, `${key} is cut at its end`);
    }
    const cutAt = segment === null ? null : output + segment;
    const run = {
      worker: view.id,
      slot: grant.slot,
      incarnation,
      version,
      adapter,
      cutAt,
      revoked: false,
    };
    this.running.set(key, { ...run, card: granted, output });
    this.waiting.delete(key);
  }

  #checkRefusal({ key, code }: Extract<SchedulerCommand, { type: "refuse" }>): void {
    const refused = this.waiting.get(key);
    assert.ok(refused && refused.attempt === 1, `${key} is refused`);
    this.waiting.delete(key);
    // Whoever asks again after a refusal is new.
    this.said.forget(key);
    const pool = [...this.workers.values()].filter((view) => inPool(refused, view));
    const capable = pool.filter((view) => honours(refused, view));
    if (code === "overloaded") assert.ok(this.waiting.size >= WAITING_LIMIT);
    else assert.ok(pool.length > 0);
    if (code === "unsupported") assert.deepEqual(capable, []);
    if (code === "prompt_too_long") {
      assert.ok(capable.length > 0 && !capable.some((view) => fitsEmpty(refused, view)));
    }
  }

  mayServe(asker: Card, view: WorkerView): boolean {
    if (!canServe(asker, view) || asker.avoid.includes(view.incarnation)) return false;
    return this.version(asker, view);
  }

  version(asker: Card, view: WorkerView): boolean {
    return view.holds.some((each) => this.#versionAllowed(asker, each));
  }

  #versionAllowed(asker: Card, each: WorkerView["holds"][number]): boolean {
    return versionAllowed(asker, each, this.committed.get(asker.policy));
  }

  forgetRun(run: Run): void {
    this.running.delete(run.card.key);
    this.past.push(run.card);
  }

  /** The worker dies in the next event: all that runs there must be revoked in it. */
  orphan(id: string): void {
    this.gates.delete(id);
    this.suspects.delete(id);
    this.said.lifeOver(id);
  }

  assertOrphansRevoked(): void {
    for (const { worker: id, incarnation, card: lost } of this.running.values()) {
      assert.equal(this.workers.get(id)?.incarnation, incarnation, `${lost.key} runs on the dead`);
    }
  }
}
