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
    if (life.ended !== null) {
      finished.add(life.remains(life.ended));
      jobs.left(life.rollout, life.ended);
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

  return {
    submit(rollout: Rollout): RolloutHandle {
      const key = rolloutKey(rollout.job, rollout.id);
      const joined = active.get(key) ?? finished.match(key);
      const before = joined ? alike(joined, rollout) : finished.tombstone(key, rollout.bodyHash);
      if (before === "other") {
        throw new PacelineError("conflict", `rollout ${rollout.id} exists with another body`);
      }
      if (joined) return joined;
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
        const before = life.rollout.continueFrom?.outputTokenIds.length ?? 0;
        const { outputTokens, attempts } = life.progress();
        const made = { outputTokens: Math.max(0, outputTokens - before), attempts };
        const others = byJob.get(life.job);
        if (others === undefined) byJob.set(life.job, [made]);
        else others.push(made);
      }
      return byJob;
    },
    // Whoever aborts what is over by now is told by the promise, and not by a throw amid a socket's event.
    async abort(job: string, id: string, cause: FinishCause): Promise<Result> {
      const rollout = get(job, id);
      active.get(rolloutKey(job, id))?.end(cause);
      return rollout.result();
    },
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
