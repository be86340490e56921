/**
 * The placement owner: feeds the scheduler what happens, runs its commands, and is what rollouts and the
 * weights' coordinator speak to. One thread, no waiting inside: a command's reply may send the next
 * request, which is queued until the present one is done.
 */
import type { Clock, Timer } from "../contract/clock.ts";
import { ERRORS, PacelineError } from "../contract/errors.ts";
import { cacheNamespace, type HeldVersion } from "../contract/policy.ts";
import type { FleetChange, WorkerRecord } from "../fleet/fleet.ts";
import type { LiveFleet } from "../fleet/live-fleet.ts";
import type { Ledger, LedgerChange, PolicyRecord } from "../policy/ledger.ts";
import type { Card } from "../scheduler/card.ts";
import type {
  RegimeView,
  Scheduler,
  SchedulerCommand,
  SchedulerEvent,
  SchedulerSnapshot,
} from "../scheduler/events.ts";
import type { PromptHistory } from "../scheduler/prediction/histories.ts";
import { type CacheFailure, createCacheFeed } from "./cache-feed.ts";
import { createGates, type DrainMode, type Gate } from "./gates.ts";
import type { PlacementPort, PlacementReply, PlacementRequest } from "./port.ts";
import { spareShareOf } from "./spare.ts";
import { telemetryOf, viewOf } from "./worker-view.ts";

export type { Gate } from "./gates.ts";

export interface PlacementOwner extends PlacementPort, Gate {
  /**
   * Empties a worker for good: `finish` lets its rollouts end until `timeoutMs`, then they move; `migrate`
   * moves them at once. Retried calls join. Throws `not_found`, `deadline_exceeded`.
   */
  drain(worker: string, how: DrainMode, timeoutMs: number): Promise<void>;
  /**
   * Moves away what runs there, then `run`s while nothing can be placed, then opens the worker again, if
   * it is still that one. Throws what `drain` throws, or `run`.
   */
  whileEmpty<T>(worker: string, timeoutMs: number, run: () => Promise<T>): Promise<T>;
  /** A job's share beside others (1 where never set), how many of its rollouts may run at once, and its grace in updates, ms. */
  declare(
    job: string,
    rule: { weight: number; maxRunning: number | null; updateGraceMs: number | null },
  ): void;
  finishSession(session: string): void;
  snapshot(): SchedulerSnapshot;
  /** Grants nothing any more: another owner may have taken over. */
  retire(): void;
}

export interface OwnerParts {
  readonly scheduler: Scheduler;
  readonly fleet: Pick<LiveFleet, "find" | "listen" | "list" | "mark" | "engine">;
  readonly ledger: Pick<Ledger, "holds" | "policies" | "listen" | "forget" | "inCurrentRun">;
  readonly clock: Clock;
  /** Of this owner; a grant of another epoch is void. */
  readonly epoch: number;
  /** What the scheduler learned in an earlier life. */
  readonly histories?: readonly PromptHistory[];
  /** Told what is to be remembered for the next one. */
  readonly learned?: (histories: readonly PromptHistory[]) => void;
  /** Told when work is ordered and divided otherwise. */
  readonly regime?: (regime: RegimeView) => void;
  readonly cachesUntold?: CacheFailure;
  /** Adapters that a worker which has proved `held` loads for whoever is granted one. Default: none. */
  readonly loadable?: (
    worker: WorkerRecord,
    held: readonly HeldVersion[],
  ) => readonly HeldVersion[];
}

type GrantCommand = Extract<SchedulerCommand, { type: "grant" }>;

export function createPlacementOwner(parts: OwnerParts): PlacementOwner {
  const { scheduler, fleet, ledger, clock, epoch, loadable = () => [] } = parts;
  /** Of every rollout that waits or runs. */
  const cards = new Map<string, Card>();
  /** Workers whose attempts were taken from them because they are poisoned. */
  const poisoned = new Set<string>();
  /** Of each policy's run, as the scheduler knows it. */
  const epochs = new Map<string, number | null>();
  const queue: SchedulerEvent[] = [];
  let handling = false;
  let retired = false;
  let wake: Timer | null = null;
  let receive: (reply: PlacementReply) => void = () => {
    throw new Error("a placement reply before anybody connected");
  };

  const handle = (event: SchedulerEvent): void => {
    if (retired) return;
    queue.push(event);
    if (handling) return;
    handling = true;
    try {
      for (let next = queue.shift(); next; next = queue.shift()) {
        for (const command of scheduler.handle(next)) run(command);
      }
    } finally {
      handling = false;
    }
  };
  const gates = createGates(clock, handle);
  const caches = createCacheFeed(clock, fleet.engine, handle, parts.cachesUntold);

  /** A defect in one rollout's life must not take the commands of the others with it: it surfaces on its own. */
  const reply = (message: PlacementReply): void => {
    try {
      receive(message);
    } catch (thrown) {
      queueMicrotask(() => {
        throw thrown;
      });
    }
  };

  const run = (command: SchedulerCommand): void => {
    switch (command.type) {
      case "grant":
        grant(command);
        return;
      case "held":
      case "revoke":
        reply(command);
        return;
      case "refuse": {
        cards.delete(command.key);
        const { code, message, path } = command;
        const error = new PacelineError(code, message, {
          ...(ERRORS[code].retryable ? { retryAfterMs: 1000 } : {}),
          ...(path === null ? {} : { details: { path } }),
        });
        reply({ type: "refused", key: command.key, error: error.toBody() });
        return;
      }
      case "gated":
        gates.emptied(command.worker, command.kept);
        return;
      case "regime":
        parts.regime?.(command);
        return;
      case "learned":
        parts.learned?.(command.histories);
        return;
      case "wake":
        wake?.cancel();
        wake = clock.timer(Math.max(0, command.at - clock.now()), () => handle({ type: "tick" }));
    }
  };

  const grant = (command: GrantCommand): void => {
    const { key, attempt, worker, slot, incarnation, held, segment } = command;
    const modes = fleet.find(worker)?.description.capabilities.logprobModes ?? [];
    const logprobMode = cards.get(key)?.logprobModes.find((mode) => modes.includes(mode));
    if (logprobMode === undefined) {
      const error = new PacelineError("internal", `${key} was granted ${worker} in no wanted mode`);
      handle({ type: "withdraw", key });
      cards.delete(key);
      reply({ type: "refused", key, error: error.toBody() });
      return;
    }
    const place = { key, attempt, worker, slot, incarnation, version: held.version };
    const how = { cacheNamespace: cacheNamespace(held), logprobMode, segment };
    reply({ type: "grant", ...place, ...how, epoch });
  };

  const show = (record: WorkerRecord): void => {
    const proven = ledger.holds(record.id, record.description.incarnation);
    const holds = [...proven, ...loadable(record, proven)]
      // A label is a promise about the run of today: an older run's steps satisfy no `min_step`.
      .map((held) => (ledger.inCurrentRun(held) ? held : { ...held, label: null }))
      // What is loaded and what is not changes places: the worker is of the same kind all the same.
      .sort((a, b) => (a.policy < b.policy ? -1 : 1));
    caches.holds(record.id, record.description.incarnation, holds);
    const loaded = proven.filter(({ base }) => base !== undefined);
    handle({ type: "worker", worker: viewOf(record, holds, loaded) });
  };

  const changed = (record: WorkerRecord): void => {
    const { id, state, description } = record;
    // Its death was told; a view of it would bring it back.
    if (state === "lost") return;
    if (state !== "poisoned") poisoned.delete(id);
    else if (!poisoned.has(id)) {
      poisoned.add(id);
      // Nobody knows what its weights make now (I3): what runs there goes on elsewhere, from its tokens.
      handle({ type: "worker_lost", worker: id, incarnation: description.incarnation });
      gates.poisoned(id);
      ledger.forget(id, description.incarnation);
    }
    show(record);
  };

  const onFleet = (change: FleetChange): void => {
    if (change.type === "worker") changed(change.worker);
    else if (change.type === "telemetry") telemetryOf(change.worker).forEach(handle);
    else {
      const { worker, incarnation, reason } = change;
      poisoned.delete(worker);
      gates.lost(worker, incarnation, reason);
      caches.lost(worker);
      handle({ type: "worker_lost", worker, incarnation });
      ledger.forget(worker, incarnation);
    }
  };

  const onLedger = (change: LedgerChange): void => {
    if (change.type === "holds") {
      const record = fleet.find(change.worker);
      const current = record?.description.incarnation === change.incarnation;
      if (record && current && record.state !== "lost") show(record);
    } else if (change.type === "policy") policyChanged(change.policy);
  };

  const policyChanged = ({ policy, committedVersion, run, kind }: PolicyRecord): void => {
    // Whoever has not loaded it may, or may not any more.
    if (kind === "lora")
      for (const record of fleet.list()) if (record.state !== "lost") show(record);
    if (committedVersion === null) return;
    handle({ type: "committed", policy, version: committedVersion });
    const epoch = run?.epoch ?? null;
    const before = epochs.get(policy) ?? null;
    epochs.set(policy, epoch);
    if (before === epoch) return;
    for (const record of fleet.list()) {
      const { id, description, state } = record;
      const holds = ledger.holds(id, description.incarnation);
      if (state !== "lost" && holds.some((held) => held.policy === policy)) show(record);
    }
  };

  const send = (request: PlacementRequest): void => {
    if (request.type === "offer") {
      const { card } = request;
      if (card.attempt <= (cards.get(card.key)?.attempt ?? 0)) return;
      cards.set(card.key, card);
    } else {
      const { key } = request;
      // What comes late from an attempt that is over changes nothing.
      if (request.type !== "withdraw" && request.attempt !== cards.get(key)?.attempt) return;
      if (request.type !== "progress") cards.delete(key);
    }
    handle(request);
  };

  const drain: PlacementOwner["drain"] = async (worker, how, timeoutMs) => {
    const until = clock.now() + timeoutMs;
    // What has just been poisoned was emptied then, in the middle of its update.
    if (fleet.find(worker)?.state === "poisoned") return;
    await gates.updated(worker, timeoutMs);
    const record = fleet.find(worker);
    if (record === null) throw new PacelineError("not_found", `no worker is called ${worker}`);
    if (record.state === "lost" || record.state === "poisoned") return;
    const { incarnation } = record.description;
    fleet.mark(worker, incarnation, "draining", how);
    await gates.drain(worker, incarnation, how, Math.max(0, until - clock.now()));
  };

  if (parts.histories !== undefined) handle({ type: "histories", histories: parts.histories });
  const forgetFleet = fleet.listen(onFleet);
  const forgetLedger = ledger.listen(onLedger);
  for (const policy of ledger.policies()) onLedger({ type: "policy", policy });
  for (const record of fleet.list()) changed(record);

  return {
    connect(to) {
      receive = to;
    },
    send,
    async close(worker, incarnation, { onUpdate, graceMs, empty = false }) {
      const record = fleet.find(worker);
      if (record?.description.incarnation !== incarnation || record.state === "lost") {
        throw new PacelineError("engine_unreachable", `${worker} is no longer ${incarnation}`);
      }
      return { kept: await gates.close(worker, incarnation, onUpdate, graceMs, empty) };
    },
    open(worker) {
      if (!gates.open(worker)) return;
      const record = fleet.find(worker);
      if (record !== null) changed(record);
      handle({ type: "ungate", worker });
    },
    drain,
    async whileEmpty(worker, timeoutMs, run) {
      const incarnation = fleet.find(worker)?.description.incarnation;
      try {
        await drain(worker, "migrate", timeoutMs);
        return await run();
      } finally {
        const now = fleet.find(worker);
        if (now !== null && now.description.incarnation === incarnation) {
          if (now.state === "draining") fleet.mark(worker, incarnation, "ready", null);
          gates.undrain(worker);
          handle({ type: "ungate", worker });
        }
      }
    },
    declare(job, { weight, maxRunning, updateGraceMs }) {
      gates.grant(job, updateGraceMs);
      handle({ type: "job", job, weight, maxRunning });
    },
    longestGraceMs: gates.longestGraceMs,
    spareShare: (workers) => spareShareOf(scheduler.snapshot(), workers),
    finishSession: (session) => handle({ type: "session_finished", session }),
    snapshot: () => scheduler.snapshot(),
    retire() {
      retired = true;
      wake?.cancel();
      caches.close();
      forgetFleet();
      forgetLedger();
    },
  };
}
