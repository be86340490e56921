/**
 * Drives random histories through the second book-keeping, and finds at the end whoever was forgotten: each step names
 * something by number, and means whatever of that sort exists then.
 */
import assert from "node:assert/strict";
import type { OnUpdate } from "../../../server/contract/policy.ts";
import type { Card, Outcome } from "../../../server/scheduler/card.ts";
import type { KvTiers, SchedulerEvent, WorkerView } from "../../../server/scheduler/events.ts";
import { ModelBooks, SUSPECT_MS } from "./model-books.ts";
import { CONSTRAINTS, inPool, pick } from "./model-rules.ts";
import { card, held, withAdapters, worker } from "./samples.ts";

const PREFIX: readonly number[] = [11, 22, 33, 44];
const HOST: KvTiers = { hostTokens: 500, hostTokensPerSecond: 1e5, poolTokensPerSecond: null };
const POOL: KvTiers = { hostTokens: 500, hostTokensPerSecond: 1e5, poolTokensPerSecond: 1e5 };

export class ModelFleet extends ModelBooks {
  #next = 0;

  /** A whole history, to where whoever can be served is served. */
  live(acts: readonly ((fleet: ModelFleet) => void)[]): void {
    this.commit("p");
    this.worker(0, 4, false);
    for (const act of acts) act(this);
    this.settle();
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
    this.forgetRun(run);
    if (outcome === "lost") this.suspects.set(run.worker, this.bench.now + SUSPECT_MS);
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
    this.forgetRun(run);
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
      this.suspects.delete(view.id);
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
    if (run !== undefined) this.forgetRun(run);
    this.waiting.delete(key);
    this.send({ type: "withdraw", key });
  }

  /** Repeats what has been said before: none of it may count. */
  late(n: number): void {
    const old = pick(this.past, n);
    const current = pick([...this.waiting.values()], n);
    if (current !== undefined) this.send({ type: "offer", card: current });
    if (old === undefined || this.waiting.has(old.key)) return;
    const { key, attempt } = old;
    if (this.running.get(key)?.card.attempt === attempt) return;
    this.send({ type: "offer", card: old });
    this.send({ type: "progress", key, attempt, outputTokens: 3 });
    this.send({ type: "done", key, attempt, outcome: "finished" });
  }

  /** Says what was said last of somebody so many times more; from the ninth on nothing may come of it but
   * the answer to a gate or a tick: notices are told in portions. */
  again(n: number, times: number): void {
    const event = pick(this.said.all(), n);
    if (event === undefined) return;
    const heard =
      event.type === "worker" ? event.worker.id : event.type === "telemetry" && event.worker;
    if (heard !== false) this.suspects.delete(heard);
    for (let time = 1; time <= times; time++) {
      const commands = this.send(event);
      const more = commands.filter(({ type }) => type !== "gated" && type !== "wake");
      if (time > 8) assert.deepEqual(more, [], `of ${event.type} said ${time} times more`);
    }
  }

  /** Joins, changes or restarts a worker. */
  worker(n: number, m: number, restart: boolean): void {
    const id = `w${n % 4}`;
    const known = this.workers.get(id);
    const birth = Number(known?.incarnation.split("-")[1] ?? 0) + (restart || !known ? 1 : 0);
    const incarnation = `${id}-${birth}`;
    const version = 1 + (m % 4);
    // `q` is an adapter, of which an engine has room for one version.
    const base = { policy: "p", version, load: 1 };
    const holds = [held(version), ...(m % 3 === 0 ? [{ ...held(1 + (n % 3), "q"), base }] : [])];
    const pool = n % 4 === 3 ? "b" : "a";
    const shape = { kvTokens: [1_000, 1_100, 400, 1_000][n % 4] ?? 1, maxRunning: 3, slots: 2 };
    const view = withAdapters(
      worker(id, { incarnation, holds, pool, open: m % 5 !== 0 }, shape),
      1,
    );
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
    this.orphan(view.id);
    this.workers.delete(view.id);
    this.send({ type: "worker_lost", worker: view.id, incarnation: view.incarnation });
    this.assertOrphansRevoked();
  }

  telemetry(n: number, kvUsedTokens: number): void {
    const view = pick([...this.workers.values()], n);
    if (view === undefined) return;
    this.suspects.delete(view.id);
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
    this.gates.add(view.id);
    this.send({ type: "gate", worker: view.id, why, onUpdate, graceMs });
  }

  /** `most`: how many may run at once; 0 for no limit. */
  job(n: number, most: number): void {
    const job = `j${n % 3}`;
    this.mayRun.set(job, most === 0 ? Number.POSITIVE_INFINITY : most);
    this.send({ type: "job", job, weight: 1 + (n % 2), maxRunning: most === 0 ? null : most });
  }

  ungate(n: number): void {
    const view = pick([...this.workers.values()], n);
    if (view === undefined) return;
    this.gates.delete(view.id);
    this.send({ type: "ungate", worker: view.id });
  }

  advance(ms: number): void {
    this.bench.now += ms;
    if (this.bench.now >= this.wakeAt) this.send({ type: "tick" });
  }

  /** Opens everything, ends whatever runs until nothing comes any more; what then waits must have no place. */
  settle(): void {
    this.bench.now += 10_000;
    for (const view of [...this.workers.values()]) {
      this.gates.delete(view.id);
      this.send({ type: "ungate", worker: view.id });
      this.#join({ ...view, open: true });
      for (const { index } of view.slots) {
        const rates = { step: null, prefillTokensPerSecond: null };
        const load = { kvUsedTokens: 0, running: 0, waiting: 0 };
        this.send({ type: "telemetry", worker: view.id, slot: index, ...load, ...rates });
      }
    }
    while (this.running.size > 0) this.done(0, "finished", false);
    for (let i = 0; i < 100 && this.wakeAt <= this.bench.now; i++) this.send({ type: "tick" });
    this.assertNobodyForgotten();
  }

  #offer(offered: Card): void {
    this.waiting.set(offered.key, offered);
    this.told.delete(offered.key);
    this.send({ type: "offer", card: offered });
    if (this.waiting.has(offered.key))
      assert.ok(this.told.has(offered.key), "held is told at once");
  }

  #join(view: WorkerView): void {
    if (this.workers.get(view.id)?.incarnation !== view.incarnation) this.orphan(view.id);
    this.suspects.delete(view.id);
    this.workers.set(view.id, view);
    this.send({ type: "worker", worker: view });
    this.assertOrphansRevoked();
    for (const { worker: id, card: there, revoked } of this.running.values()) {
      if (id === view.id) assert.ok(revoked || inPool(there, view), `${there.key} is not revoked`);
    }
  }
}
