/**
 * Brings every worker that no publication takes care of to the committed version: those that join late,
 * come back as a new incarnation, were poisoned, or were not emptied in time. A worker is proven last, so
 * until then nothing is placed on it; and only if no newer commit came meanwhile, else it goes round again.
 */
import { PacelineError } from "../../contract/errors.ts";
import type { WorkerRecord } from "../../fleet/fleet.ts";
import { LIMITS } from "../../limits.ts";
import type { PolicyRecord, VersionRecord } from "../../policy/ledger.ts";
import { type Assignments, crowd, obstacle } from "./assignments.ts";
import { createAttempts } from "./attempts.ts";
import type { MemberRef } from "./core/events.ts";
import type { ProgressBoard } from "./progress-board.ts";
import { findWorker, type UpdateContext } from "./update-context.ts";
import { isExternal } from "./version-path.ts";
import { type VersionUpdate, versionUpdate } from "./version-update.ts";
import { WorkerUpdate } from "./worker-update.ts";

export interface CatchUp {
  /** Something about this worker has changed. */
  consider(worker: WorkerRecord): void;
  /** The fleet's version of some policy has changed. */
  considerAll(): void;
  concerns(worker: string): boolean;
  lost(ref: MemberRef): void;
  /** Begins nothing more; resolves when what was begun has ended. */
  stop(): Promise<void>;
}

export interface CatchUpParts {
  readonly context: UpdateContext;
  readonly board: ProgressBoard;
  readonly assignments: Assignments;
  /** Whether a publication takes care of this worker. */
  readonly taken: (worker: string) => boolean;
}

interface Running {
  readonly incarnation: string;
  readonly control: AbortController;
  /** How far this round is: what must be undone where it ends. */
  reached: "staging" | "closed" | "swapping";
  done: Promise<void>;
}

const refOf = ({ id, description }: WorkerRecord): MemberRef => ({
  worker: id,
  incarnation: description.incarnation,
});

/** These answer nothing that a second try could change. */
const FINAL: ReadonlySet<string> = new Set(["weights_rejected", "digest_mismatch", "unsupported"]);

export function createCatchUp({ context, board, assignments, taken }: CatchUpParts): CatchUp {
  const { ledger, fleet, clock, timings, observe } = context;
  const attempts = createAttempts(clock, timings);
  const running = new Map<string, Running>();
  const waiting = new Set<string>();
  let stopped = false;

  /** The version that this worker should be brought to now; null if none, or not yet. */
  function target(worker: WorkerRecord): VersionRecord | null {
    if (worker.state !== "ready" && worker.state !== "paused" && worker.state !== "poisoned") {
      return null;
    }
    const policies = candidates(worker);
    const whole = policies.filter(({ kind }) => kind === "full");
    return dueOf(worker, whole) ?? adapterDue(worker, policies);
  }

  /** Beside what it holds: of poisoned weights nothing is asked. */
  function adapterDue(
    worker: WorkerRecord,
    policies: readonly PolicyRecord[],
  ): VersionRecord | null {
    if (worker.state === "poisoned") return null;
    const { incarnation } = worker.description;
    const held = new Set(ledger.holds(worker.id, incarnation).map(({ policy }) => policy));
    for (const policy of policies) {
      if (policy.base === null || !held.has(policy.base)) continue;
      const due = dueOf(worker, [policy]);
      if (due !== null) return due;
    }
    return null;
  }

  /** Of the first that it holds nothing is due, and nothing of those behind it. */
  function dueOf(worker: WorkerRecord, policies: readonly PolicyRecord[]): VersionRecord | null {
    const ref = refOf(worker);
    const held = ledger.holds(ref.worker, ref.incarnation);
    for (const policy of policies) {
      const { committedVersion: version } = policy;
      if (version === null || !assignments.free(worker, policy)) continue;
      const has = held.some((one) => one.policy === policy.policy && one.version === version);
      if (has && worker.state !== "poisoned") return null;
      const engine = fleet.engine(ref.worker, ref.incarnation);
      const why = obstacle(worker, engine, policy) ?? crowd(context.rooms, worker, policy, held);
      if (why !== null) {
        // Looked at again with whatever changes: what the policy takes may.
        put(ledger.version(policy.policy, version), worker.id, "failed", why, null, false);
        continue;
      }
      if (attempts.ready(ref, policy.policy, version))
        return ledger.version(policy.policy, version);
    }
    return null;
  }

  /** In the order of its registration, else of declaration. */
  function candidates({ policies }: WorkerRecord): readonly PolicyRecord[] {
    const declared = ledger.policies();
    if (policies.length === 0) return declared;
    return policies.flatMap((name) => declared.find(({ policy }) => policy === name) ?? []);
  }

  /** `granted`: its back-off is over. */
  function consider(worker: WorkerRecord, granted = false): void {
    const { id } = worker;
    if (stopped || running.has(id) || taken(id)) return;
    const record = target(worker);
    if (record === null) return;
    if (worker.state === "poisoned" && !granted) {
      // Not at once: what ran there has to leave first, and what went wrong may do so again.
      later(refOf(worker), record);
      return;
    }
    waiting.add(id);
    pump();
  }

  function later(ref: MemberRef, { policy, version }: VersionRecord): void {
    attempts.postpone(ref, policy, version, () => {
      const worker = findWorker(fleet, ref.worker);
      if (worker) consider(worker, true);
    });
  }

  function pump(): void {
    for (const id of waiting) {
      if (running.size >= LIMITS.updatesAtOnce) return;
      waiting.delete(id);
      const worker = findWorker(fleet, id);
      if (worker === null || stopped || running.has(id) || taken(id)) continue;
      const { incarnation } = worker.description;
      const control = new AbortController();
      const run: Running = { incarnation, control, reached: "staging", done: Promise.resolve() };
      running.set(id, run);
      run.done = bring(worker, run).finally(() => {
        running.delete(id);
        // What changed while it ran was not considered.
        const now = findWorker(fleet, id);
        if (now) consider(now);
        pump();
      });
    }
  }

  /** Round after round, while newer versions are committed; the same one again only after a while. */
  async function bring(first: WorkerRecord, run: Running): Promise<void> {
    let tried: VersionRecord | null = null;
    let worker: WorkerRecord | null = first;
    while (worker !== null && !run.control.signal.aborted) {
      if (worker.description.incarnation !== run.incarnation) return;
      const record = target(worker);
      if (
        record === null ||
        (record.policy === tried?.policy && record.version === tried.version)
      ) {
        return;
      }
      tried = record;
      await round(worker, record, run);
      worker = findWorker(fleet, first.id);
    }
  }

  async function round(worker: WorkerRecord, record: VersionRecord, run: Running) {
    const { policy, version } = record;
    const ref = refOf(worker);
    const update = versionUpdate(context, record, ref);
    run.reached = "staging";
    attempts.begin(ref, policy, version);
    assignments.bind(worker.id, ledger.policy(policy));
    try {
      await install(worker, record, update, run);
      put(record, worker.id, "installed", null, update.pauseMs);
      // Should it be poisoned later, the count goes on from here: a worker that fails over and over is left alone.
    } catch (thrown) {
      await failed(worker, record, update, run, PacelineError.from(thrown));
    }
  }

  async function install(
    worker: WorkerRecord,
    record: VersionRecord,
    update: VersionUpdate,
    run: Running,
  ): Promise<void> {
    const { signal } = run.control;
    put(record, worker.id, "announced");
    // A poisoned worker is loaded anew, whatever it says that it holds.
    if (worker.state !== "poisoned" && (await update.adopt(signal))) return;
    if (isExternal(record)) {
      await reprove(worker, record, new WorkerUpdate(context, record, refOf(worker)), run);
      return;
    }
    assertDigest(record, await update.stage(timings.stageMs, signal), "read");
    put(record, worker.id, "staged");
    if (ledger.policy(record.policy).committedVersion !== record.version) {
      throw new PacelineError("version_conflict", "a newer version was committed meanwhile");
    }
    run.reached = "closed";
    await update.close(signal);
    put(record, worker.id, "swapping");
    run.reached = "swapping";
    assertDigest(record, await update.swap(signal), "holds");
    await update.install(signal);
  }

  /** Nobody can load an external version again but its mover; who shows its digest nevertheless is well. */
  async function reprove(
    { description }: WorkerRecord,
    record: VersionRecord,
    update: WorkerUpdate,
    run: Running,
  ): Promise<void> {
    const { signal } = run.control;
    if (description.capabilities.weights.proof !== "digest") throw beyondUs(record, "unsupported");
    if (record.digest === null) throw beyondUs(record);
    run.reached = "closed";
    await update.close(signal);
    const found = await update.holding(signal).catch(() => null);
    if (found !== record.digest) throw beyondUs(record);
    await update.install(signal);
  }

  async function failed(
    worker: WorkerRecord,
    record: VersionRecord,
    update: VersionUpdate,
    { reached, control }: Running,
    error: PacelineError,
  ): Promise<void> {
    const { policy, version } = record;
    const ref = refOf(worker);
    const reason = `${error.code}: ${error.message}`;
    const swapping = reached === "swapping";
    if (control.signal.reason === "gone") {
      put(record, worker.id, "gone", "lost");
      return;
    }
    if (swapping) {
      put(record, worker.id, "poisoned", reason, update.pauseMs);
      await quietly(record, update.poison(reason));
    } else {
      if (reached === "closed") update.reopen();
      const unfit = error.code === "weights_rejected" && !worker.policies.includes(policy);
      const counts = !unfit && error.code !== "unsupported";
      put(record, worker.id, "failed", reason, null, counts);
      if (!counts) assignments.release(worker.id, policy);
      await quietly(record, update.discard());
    }
    // A newer version is due at once; the same one later, unless nothing would be different then.
    if (ledger.policy(policy).committedVersion !== version) return;
    if (!swapping && FINAL.has(error.code)) attempts.giveUp(ref, policy, version);
    else later(ref, record);
  }

  async function quietly({ policy, version }: VersionRecord, done: Promise<void>): Promise<void> {
    try {
      await done;
    } catch (thrown) {
      observe({ type: "trouble", policy, version, error: PacelineError.from(thrown) });
    }
  }

  function put(
    { policy, version }: VersionRecord,
    worker: string,
    phase: Parameters<ProgressBoard["put"]>[3]["phase"],
    reason: string | null = null,
    pauseMs: number | null = null,
    counts = true,
  ): void {
    board.put(policy, version, worker, { phase, reason, pauseMs, counts });
  }

  return {
    consider,
    considerAll() {
      for (const worker of fleet.list()) consider(worker);
    },
    concerns: (worker) => running.has(worker),
    lost({ worker, incarnation }) {
      const run = running.get(worker);
      if (run?.incarnation === incarnation) run.control.abort("gone");
      attempts.forget(worker);
    },
    async stop() {
      stopped = true;
      attempts.stop();
      for (const { control, reached } of running.values()) {
        // A swap that has begun is seen through: each of its steps has a deadline.
        if (reached !== "swapping") control.abort("the server shuts down");
      }
      await Promise.all([...running.values()].map(({ done }) => done));
    },
  };
}

const beyondUs = (
  { policy, version }: VersionRecord,
  code: "version_unavailable" | "unsupported" = "version_unavailable",
): PacelineError =>
  new PacelineError(
    code,
    `it does not show the digest of ${policy}@${version}, and only its mover can load that: gate it again, or the next`,
  );

/** Null: its engine shows none, and has shown otherwise what it can. */
function assertDigest(
  { digest }: VersionRecord,
  found: string | null,
  verb: "read" | "holds",
): void {
  if (found === null || found === digest) return;
  throw new PacelineError("digest_mismatch", `it ${verb} ${found}, published is ${digest}`);
}
