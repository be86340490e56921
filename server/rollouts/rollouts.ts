/**
 * All rollouts of this server by (job, id): accept or join, find, abort, forget. Each one's life is in
 * `life.ts`. Accepted rollouts live in memory: they do not survive `kill -9` of the server yet.
 */
import { setImmediate as turn } from "node:timers/promises";
import { AgeMap } from "../age-map.ts";
import { PacelineError } from "../contract/errors.ts";
import type { Result } from "../contract/result.ts";
import { type FinishCause, type Rollout, rolloutKey } from "../contract/rollout.ts";
import type { Capabilities } from "../contract/worker.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { LIMITS } from "../limits.ts";
import type { PlacementPort } from "../placement/port.ts";
import type { Ledger, PolicyRecord } from "../policy/ledger.ts";
import type { Made } from "../scheduler/bound/bound.ts";
import type { Sessions } from "../sessions/sessions.ts";
import type { TextCodec } from "../text/tokenizer.ts";
import { admit } from "./admission.ts";
import { Finished } from "./finished.ts";
import type { JobsPort } from "./jobs-port.ts";
import { Kept, type KeptUsage } from "./kept.ts";
import { RolloutLife } from "./life.ts";
import type { LifeContext } from "./life-context.ts";
import type { RolloutHandle, RolloutService } from "./service.ts";
import { rolloutText } from "./text.ts";

export interface RolloutsOptions {
  readonly stuckMs: number;
  readonly detachMs: number;
  /** How long a Result can be asked for again. */
  readonly resultTtlMs: number;
  /** A part of side data of so many bytes lies in its Result, a larger one in the side store. */
  readonly sideInlineBytes: number;
}

export interface RolloutsDependencies
  extends Pick<LifeContext, "clock" | "observer" | "log" | "caches" | "sideStore" | "adapters"> {
  readonly placement: PlacementPort;
  readonly fleet: LifeContext["fleet"] & Pick<Fleet, "vocabularyFor" | "listen">;
  readonly ledger: Pick<Ledger, "proved" | "holds" | "listen"> & {
    policy(
      policy: string,
    ): Pick<PolicyRecord, "committedVersion"> & Partial<Pick<PolicyRecord, "kind">>;
  };
  readonly sessions: Pick<Sessions, "begin">;
  /** The policy's; null where none is known. */
  tokenizer(policy: string): TextCodec | null;
  readonly jobs: JobsPort;
}

/** Rollouts ended between two turns of the loop, so that a large abort holds up nobody else's stream. */
const ABORT_SLICE = 256;

export interface Rollouts extends RolloutService {
  kept(): KeptUsage;
  /** What rollouts in flight have made since they were accepted, by job. */
  made(): ReadonlyMap<string, readonly Made[]>;
}

export function createRollouts(deps: RolloutsDependencies, options: RolloutsOptions): Rollouts {
  const { clock, placement, fleet, ledger, jobs, sessions, caches, observer, log } = deps;
  const active = new Map<string, RolloutLife>();
  const { sideStore } = deps;
  const finished = new Finished(clock, options.resultTtlMs, LIMITS, (ref) =>
    sideStore?.release(ref),
  );
  const kept = new Kept<RolloutLife>(clock, options.resultTtlMs, (life, why) => {
    observer.kept(life.rollout, why);
    life.end("need");
  });
  const known = trackCapabilities(fleet);
  let draining = false;
  let drained: (() => void) | null = null;

  const context: LifeContext = {
    clock,
    placement,
    fleet: {
      engine: (id, incarnation) => fleet.engine(id, incarnation),
      report: (id, incarnation, evidence) => fleet.report(id, incarnation, evidence),
      find: (id) => fleet.find(id),
    },
    ledger: {
      holds: (worker, incarnation) => ledger.holds(worker, incarnation),
      proved: (worker, incarnation, policy, version) =>
        ledger.proved(worker, incarnation, policy, version),
      committed: (policy) => ledger.policy(policy).committedVersion,
    },
    caches,
    adapters: deps.adapters,
    jobs,
    sideStore,
    sideInlineBytes: options.sideInlineBytes,
    observer,
    log,
    stuckMs: options.stuckMs,
    detachMs: options.detachMs,
    lastCapabilities: (stay) => (stay === null ? null : (known.get(stay.worker) ?? null)),
  };
  const ended = (life: RolloutLife): void => {
    active.delete(life.key);
    kept.remove(life.key);
    if (life.ended !== null) {
      finished.add(life.remains(life.ended));
      const before = life.kept ? null : life.outputTokens - life.made.outputTokens;
      jobs.left(life.rollout, life.ended, before);
    }
    if (active.size === 0) drained?.();
  };
  const endOf = ({ job, session, id }: Rollout): ((life: RolloutLife) => void) => {
    if (session === null) return ended;
    const turn = sessions.begin(job, session, id);
    return (life) => {
      ended(life);
      turn.ended(endedByItself(life));
    };
  };
  const begin = (
    key: string,
    rollout: Rollout,
    text: ReturnType<typeof rolloutText>,
  ): RolloutLife => {
    try {
      return new RolloutLife(key, rollout, text, context, endOf(rollout));
    } catch (thrown) {
      jobs.refused(rollout);
      throw thrown;
    }
  };
  placement.connect((reply) => active.get(reply.key)?.receive(reply));
  ledger.listen((change) => {
    if (change.type !== "policy") return;
    for (const life of [...active.values()]) {
      if (life.rollout.policy === change.policy.policy && life.outputTokens > 0) life.overdue();
    }
  });

  const get = (job: string, id: string): RolloutHandle => {
    const key = rolloutKey(job, id);
    const rollout = active.get(key) ?? finished.get(key);
    if (rollout) return rollout;
    throw new PacelineError("not_found", `no rollout ${id} in job ${job}`, {
      details: { job, id },
    });
  };

  const wake = (life: RolloutLife): void => {
    jobs.enter(life.rollout);
    kept.remove(life.key);
    observer.kept(life.rollout, "resumed");
    life.wake();
  };

  return {
    submit(rollout: Rollout): RolloutHandle {
      const key = rolloutKey(rollout.job, rollout.id);
      const joined = active.get(key) ?? finished.match(key);
      const before = joined ? alike(joined, rollout) : finished.tombstone(key, rollout.bodyHash);
      if (before === "other") {
        throw new PacelineError("conflict", `rollout ${rollout.id} exists with another body`);
      }
      if (joined) {
        if (kept.has(key)) wake(active.get(key) as RolloutLife);
        return joined;
      }
      if (before === "same")
        throw new PacelineError("not_found", `the result of ${rollout.id} has expired`);
      if (draining)
        throw new PacelineError("shutting_down", "the server drains", { retryAfterMs: 1000 });
      admit(rollout, { ledger, fleet, sideStore });
      const text = rolloutText(rollout, deps.tokenizer);
      jobs.enter(rollout);
      const life = begin(key, rollout, text);
      active.set(key, life);
      life.start();
      if (life.ended && "error" in life.ended) throw life.ended.error;
      return life;
    },
    get,
    side(job, ref) {
      finished.sweep();
      if (sideStore !== null) return sideStore.open(job, ref);
      throw new PacelineError("not_found", "this server keeps nothing by reference");
    },
    made() {
      const byJob = new Map<string, Made[]>();
      for (const life of active.values()) {
        if (life.kept) continue;
        const { made } = life;
        const others = byJob.get(life.job);
        if (others === undefined) byJob.set(life.job, [made]);
        else others.push(made);
      }
      return byJob;
    },
    // Whoever aborts what is over by now is told by the promise, and not by a throw amid a socket's event.
    async abort(job, id, cause, dropped = false): Promise<Result> {
      const rollout = get(job, id);
      active.get(rolloutKey(job, id))?.end(cause, dropped);
      return rollout.result();
    },
    keep(job, id) {
      const life = active.get(rolloutKey(job, id));
      if (life === undefined) return false;
      if (life.kept || life.shared) return true;
      if (!life.keep()) return false;
      jobs.rests(life.rollout, life.made);
      kept.add(life);
      observer.kept(life.rollout, "kept");
      return true;
    },
    kept: () => kept.usage,
    async abortJob(job: string, cause: FinishCause): Promise<number> {
      const lives = [...active.values()].filter((life) => life.job === job);
      for (const [index, life] of lives.entries()) {
        if (index % ABORT_SLICE === ABORT_SLICE - 1) await turn();
        life.end(cause);
      }
      return lives.length;
    },
    async drain(timeoutMs: number): Promise<void> {
      draining = true;
      // Nobody asks for them here any more.
      for (const life of kept.all()) life.end("drain");
      if (active.size === 0) return;
      const empty = new Promise<void>((resolve) => {
        drained = resolve;
      });
      const timer = clock.timer(timeoutMs, () => {
        for (const life of [...active.values()]) life.end("drain");
      });
      await empty;
      timer.cancel();
    },
  };
}

const alike = (one: Pick<Rollout, "bodyHash">, other: Pick<Rollout, "bodyHash">) =>
  one.bodyHash === other.bodyHash ? "same" : "other";

const endedByItself = ({ ended }: RolloutLife): boolean =>
  ended !== null && "result" in ended && ended.result.finishReason.type !== "abort";

/** What a worker could do is still needed for a moment after it has left. */
function trackCapabilities(fleet: Pick<Fleet, "listen">): AgeMap<string, Capabilities> {
  const known = new AgeMap<string, Capabilities>();
  const KEPT = 10_000;
  fleet.listen((change) => {
    if (change.type !== "worker") return;
    known.set(change.worker.id, change.worker.description.capabilities);
    known.keep(KEPT);
  });
  return known;
}
