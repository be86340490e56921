/** The fleet in one process: registration, leases and evidence in; births, changes and deaths out. */
import type { Engine, EngineKeys } from "../../adapters/engine.ts";
import type { Clock, Random } from "../contract/clock.ts";
import { PacelineError } from "../contract/errors.ts";
import type { EngineDescription, EngineKind } from "../contract/worker.ts";
import { LIMITS } from "../limits.ts";
import { withDeadline } from "./deadline.ts";
import type { Fleet, FleetChange, Registration, WorkerRecord } from "./fleet.ts";
import { KeyRing, type Told } from "./key-ring.ts";
import { type FleetObserver, Member, type MemberContext } from "./member.ts";
import { DEFAULT_FLEET_OPTIONS, type FleetOptions } from "./options.ts";
import { checkedId, checkedUrl, createRegistry } from "./registry.ts";
import { Vocabularies } from "./vocabularies.ts";
import { Worker } from "./worker.ts";

export interface FleetParts {
  readonly clock: Clock;
  readonly random: Random;
  /** Opens no socket yet; throws `unsupported` for a kind without an adapter. */
  readonly createEngine: (kind: EngineKind, url: string, keys: () => EngineKeys) => Engine;
  readonly options?: Partial<FleetOptions>;
  readonly observe: FleetObserver;
  /** Whether the engine of that life was left standing still by us, and may be let run; default: none was. */
  readonly leftStanding?: (incarnation: string) => boolean;
}

export interface LiveFleet extends Fleet {
  find(id: string): WorkerRecord | null;
  /** Its process is known to have ended; whoever started it registers the next. No probes till then. */
  lose(id: string, reason: string): void;
}

/** A pause closes the worker before it closes the engine, so that nothing is placed into it. */
const MEANING: Readonly<
  Record<
    "pause" | "resume" | "flush" | "sleep" | "wake",
    { readonly before?: "paused"; readonly after?: "resumed" | "slept" | "woken" }
  >
> = {
  pause: { before: "paused" },
  resume: { after: "resumed" },
  flush: {},
  sleep: { after: "slept" },
  wake: { after: "woken" },
};

export function createFleet({
  clock,
  random,
  createEngine,
  observe,
  leftStanding = () => false,
  ...given
}: FleetParts): LiveFleet {
  const options = { ...DEFAULT_FLEET_OPTIONS, workers: LIMITS.workers, ...given.options };
  const registry = createRegistry<Member>();
  const listeners = new Set<(change: FleetChange) => void>();
  const registering = new Map<string, Promise<WorkerRecord>>();
  const list = () => [...registry.all()].map(({ worker }) => worker.record(clock));
  const vocabularies = new Vocabularies(list);
  let closed = false;

  const context: MemberContext = {
    clock,
    random,
    options,
    observe,
    population: () => registry.size,
    publish(change) {
      if (change.type !== "telemetry") vocabularies.changed();
      for (const listener of [...listeners]) listener(change);
    },
  };

  const current = (id: string, incarnation: string): Member | null => {
    const member = registry.find(id);
    return member?.worker.incarnation === incarnation && member.worker.state !== "lost"
      ? member
      : null;
  };

  async function forget(member: Member, reason: string): Promise<void> {
    member.lose(reason);
    registry.delete(member);
    vocabularies.changed();
    await member.close();
  }

  async function register({
    apiKey,
    adminApiKey,
    ...registration
  }: Registration): Promise<WorkerRecord> {
    const keys = new KeyRing(apiKey, adminApiKey);
    const known = registry.byUrl(registration.url);
    if (known !== null && (await again(known, registration, keys))) {
      return known.worker.record(clock);
    }
    if (blocked(registration)) await makePlace(registration);
    const engine = createEngine(registration.engine, registration.url, () => keys);
    let description: EngineDescription;
    try {
      description = await withDeadline(clock, options.registerMs, "probe", (signal) =>
        firstProbe(engine, signal),
      );
      while (blocked(registration)) await makePlace(registration);
    } catch (thrown) {
      await engine.close();
      throw thrown;
    }
    const id = registration.id ?? registry.mintId(registration.engine);
    const worker = new Worker(id, registration, engine, keys, description);
    const member = new Member(worker, context);
    registry.add(member);
    member.admit();
    return member.worker.record(clock);
  }

  /** What a killed server of ours left standing still may not be able to tell what it is before it runs. */
  async function firstProbe(engine: Engine, signal: AbortSignal): Promise<EngineDescription> {
    try {
      return await engine.probe(signal);
    } catch (thrown) {
      const { paused, incarnation } = PacelineError.from(thrown).details;
      const ours = paused === true && typeof incarnation === "string" && leftStanding(incarnation);
      if (!ours) throw thrown;
    }
    await engine.control.resume(signal);
    return engine.probe(signal);
  }

  /** Whether a newcomer has no place yet. Asked in the very turn in which it is taken: others register too. */
  const blocked = ({ id }: Told): boolean =>
    (id !== undefined && registry.find(id) !== null) || registry.size >= options.workers;

  async function makePlace({ id, url }: Told): Promise<void> {
    if (id !== undefined) await assertFree(id, url);
    await makeRoom();
  }

  /** Registered at this url before: probed anew, so that a restart is noticed. False if that one is gone for good. */
  async function again(member: Member, registration: Told, keys: KeyRing): Promise<boolean> {
    const { worker } = member;
    const renamed = registration.id !== undefined && registration.id !== worker.id;
    if (renamed || registration.engine !== worker.kind) {
      if (worker.state !== "lost") {
        throw new PacelineError("conflict", `${worker.url} is registered as ${worker.id}`, {
          details: { worker: worker.id, engine: worker.kind },
        });
      }
      await forget(member, "another worker has its url");
      return false;
    }
    // Whoever registers says that a process is there, so a supervised one may be probed again.
    worker.supervised = false;
    worker.keys.take(keys);
    await member.monitor.check(null);
    if (worker.state === "lost" || worker.strikes > 0) {
      throw new PacelineError("engine_unreachable", `${worker.url}: ${worker.reason}`);
    }
    if (worker.reregister(registration)) member.tell();
    return true;
  }

  /** An id may move to another url once its worker is dead: a restarted process has a new port. */
  async function assertFree(id: string, url: string): Promise<void> {
    const member = registry.find(id);
    if (member === null) return;
    if (member.worker.state !== "lost") await member.monitor.check("socket_lost");
    if (registry.find(id) !== member) return assertFree(id, url);
    if (member.worker.state !== "lost") {
      throw new PacelineError("conflict", `${id} is in use by ${member.worker.url}`, {
        details: { worker: id, url: member.worker.url },
      });
    }
    await forget(member, `moved to ${url}`);
  }

  async function makeRoom(): Promise<void> {
    if (registry.size < options.workers) return;
    const victim = registry.longestLost();
    if (victim === null) {
      throw new PacelineError("overloaded", `the fleet has its ${options.workers} workers`);
    }
    await forget(victim, "forgotten to make room");
  }

  /** Runs `call` on the engine; what it means for the worker is applied `before` or `after` it. */
  async function controlled(
    id: string,
    what: "pause" | "resume" | "flush" | "sleep" | "wake",
    call: (engine: Engine, signal: AbortSignal) => Promise<void>,
  ): Promise<WorkerRecord> {
    const member = registry.get(id);
    const { worker } = member;
    const { before, after } = MEANING[what];
    if (worker.state === "asleep" && what !== "sleep" && what !== "wake") {
      throw new PacelineError("conflict", `${id} is asleep: wake it first`, {
        details: { worker: id, state: worker.state },
      });
    }
    if (before) member.apply(before, `${before} by an operator`);
    await member.control(what, (signal) => call(worker.engine, signal));
    if (after) member.apply(after, "put to sleep by an operator");
    return worker.record(clock);
  }

  return {
    async register(given) {
      if (closed) throw new PacelineError("shutting_down", "the fleet takes no more workers");
      const registration = { ...given, url: checkedUrl(given.url) };
      if (given.id !== undefined) checkedId(given.id);
      // Retried registrations of one url run one after the other: the later meet the first's worker.
      const before = registering.get(registration.url);
      const turn = Promise.resolve(before?.catch(() => {})).then(() => register(registration));
      registering.set(registration.url, turn);
      try {
        return await turn;
      } finally {
        if (registering.get(registration.url) === turn) registering.delete(registration.url);
      }
    },
    renew(id, incarnation) {
      const { worker } = registry.get(id);
      const known = incarnation === worker.incarnation || incarnation === worker.ownIncarnation;
      if (!known || worker.state === "lost") {
        throw new PacelineError("lease_lost", `${id} is no longer ${incarnation}`, {
          details: { worker: id, incarnation: worker.incarnation, state: worker.state },
        });
      }
      worker.agent = true;
      worker.renew(clock, options.leaseMs);
      return worker.record(clock);
    },
    async remove(id, reason) {
      await forget(registry.get(id), reason);
    },
    get: (id) => registry.get(id).worker.record(clock),
    find: (id) => registry.find(id)?.worker.record(clock) ?? null,
    list,
    vocabularyFor: (asking) => vocabularies.of(asking),
    engine(id, incarnation) {
      const member = current(id, incarnation);
      if (member === null) return null;
      member.intake.use();
      return member.worker.engine;
    },
    report: (id, incarnation, evidence) => current(id, incarnation)?.report(evidence),
    lose(id, reason) {
      const member = registry.find(id);
      if (member === null) return;
      member.worker.supervised = true;
      member.lose(reason);
      member.monitor.reschedule();
    },
    mark(id, incarnation, state, reason) {
      const member = current(id, incarnation);
      if (member === null) return;
      member.worker.controls++;
      member.worker.forgivenSince = state === "updating" ? clock.now() : null;
      member.apply(state === "ready" ? "lifted" : state, reason);
    },
    async pause(id, mode) {
      const { capabilities } = registry.get(id).worker.description;
      if (!capabilities.pause.includes(mode)) {
        throw new PacelineError("unsupported", `${id} cannot pause as ${mode}`, {
          details: { pause: capabilities.pause },
        });
      }
      return controlled(id, "pause", ({ control }, signal) => control.pause(mode, signal));
    },
    resume: async (id) => controlled(id, "resume", ({ control }, signal) => control.resume(signal)),
    flush: async (id) => controlled(id, "flush", ({ control }, signal) => control.flush(signal)),
    async sleep(id) {
      const { worker } = registry.get(id);
      if (!worker.description.capabilities.sleep) {
        throw new PacelineError("unsupported", `${id} cannot sleep`);
      }
      if (worker.state === "poisoned") {
        throw new PacelineError("conflict", `${id} is poisoned: it must prove a version first`);
      }
      return controlled(id, "sleep", ({ control }, signal) => control.sleep(signal));
    },
    wake: async (id) => controlled(id, "wake", ({ control }, signal) => control.wake(signal)),
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async close() {
      closed = true;
      await Promise.all([...registry.all()].map((member) => member.close()));
    },
  };
}
