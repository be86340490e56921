/** Where the parts' reports become metrics, life-cycle events and log lines. */
import type { Logger } from "pino";
import type { Audit } from "../api/auth/audit.ts";
import type { Clock } from "../contract/clock.ts";
import type { PacelineError } from "../contract/errors.ts";
import type { Result } from "../contract/result.ts";
import type { Rollout } from "../contract/rollout.ts";
import type { FleetObserver } from "../fleet/member.ts";
import type { Ledger } from "../policy/ledger.ts";
import { endOf, type GroupSummary, hasFinished, type Member } from "../rollouts/group-summary.ts";
import type { RolloutObserver } from "../rollouts/observer.ts";

import { belowBound, type Summary } from "../rollouts/summary.ts";
import type { RegimeView } from "../scheduler/events.ts";

import type { FinishedSession, SessionEnd } from "../sessions/sessions.ts";
import type { LifeCycle } from "../telemetry/life-cycle.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { ObserveUpdates } from "../weights/coordinator/observation.ts";

const named = (rollout: Rollout) => ({ job: rollout.job, rollout: rollout.id });

/** `committed`: the fleet's version of a policy, to find what a Result holds beyond its lag limit (I8). */
export function observeRollouts(
  metrics: Metrics,
  lifeCycle: LifeCycle,
  committed: (policy: string) => number | null,
): RolloutObserver {
  const tokensOf = labelled((policy) => metrics.outputTokens.of(policy));
  const kvTokens = labelled((kv) => metrics.kvTokens.of(kv));
  const attemptsOf = labelled((outcome) => metrics.attempts.of(outcome));
  const causes = labelled((cause) => labelled((type) => metrics.rollouts.of(type, cause)));
  return {
    accepted: (rollout) =>
      lifeCycle.emit("rollout_accepted", {
        ...named(rollout),
        prompt_tokens: rollout.promptTokenIds.length,
      }),
    traceparent: (rollout) => rollout.traceparent,
    placed: (rollout, worker, queueMs) => {
      metrics.queue.observe(queueMs / 1000);
      lifeCycle.emit("rollout_placed", { ...named(rollout), worker });
    },
    tokens: ({ policy }, count, lag) => {
      tokensOf(policy).count += count;
      if (lag === null) metrics.unattested.inc(count);
      else metrics.tokenLag.observe(policy, lag, count);
    },
    attempt: (_rollout, outcome) => {
      attemptsOf(outcome).count++;
    },
    moved: (rollout, reason, resume) => {
      metrics.moves.inc({ reason, resume });
      lifeCycle.emit("rollout_moved", { ...named(rollout), reason, resume });
    },
    wasted: (_rollout, tokens, reason) => metrics.wasted.inc({ reason }, tokens),
    kept: (rollout, what) => {
      metrics.kept.inc({ what });
      lifeCycle.emit("rollout_kept", { ...named(rollout), what });
    },
    infeasible: (rollout, fate) => {
      metrics.infeasible.inc({ fate });
      lifeCycle.emit("rollout_infeasible", { ...named(rollout), fate });
    },
    finished: (rollout, result, durationMs) => {
      const { finishReason, usage, routing, spans } = result;
      const { type, cause } = finishReason;
      const stale = staleTokens(rollout, result, committed(rollout.policy));
      if (stale > 0) metrics.stale.inc(stale);
      for (const { kv, start, end } of spans) kvTokens(kv).count += end - start;
      causes(cause)(type).count++;
      metrics.prompts.add(usage.promptTokens, routing.cachedTokens);
      metrics.duration.observe(durationMs / 1000);
      lifeCycle.emit("rollout_finished", { ...named(rollout), finish: type, cause });
    },
    failed: (rollout, code) => lifeCycle.emit("rollout_failed", { ...named(rollout), code }),
  };
}

/** Keeps what each label has. */
function labelled<T>(child: (label: string) => T): (label: string) => T {
  const known = new Map<string, T>();
  return (label) => {
    let found = known.get(label);
    if (found === undefined) {
      found = child(label);
      known.set(label, found);
    }
    return found;
  };
}

/** A worker that hangs is reported by each of its streams: told at once, then together. */
const EVIDENCE_WINDOW_MS = 1_000;

/** Output tokens of a Result that its own lag limit forbids: withholding them is the rollouts' part, counting is ours. */
function staleTokens(
  { version }: Rollout,
  { spans, stale }: Result,
  committed: number | null,
): number {
  // Flagged, it is what its job asked for.
  if (stale !== null || version === null || !("max_lag" in version) || committed === null) return 0;
  let tokens = 0;
  for (const span of spans) {
    if (committed - span.version > version.max_lag) tokens += span.end - span.start;
  }
  return tokens;
}

export function observeFleet(
  lifeCycle: LifeCycle,
  log: Logger,
  clock: Pick<Clock, "timer">,
): FleetObserver {
  const tell = inWindows(clock, EVIDENCE_WINDOW_MS, (worker, evidence, reports) =>
    lifeCycle.emit("evidence", { worker, evidence, reports }),
  );
  return {
    changed: (worker, incarnation, from, to, reason) => {
      lifeCycle.emit("worker", { worker, incarnation, from, to, reason });
      log.info({ worker, from, to, reason }, "worker");
    },
    probeFailed: (worker, error, strikes) =>
      log.warn({ worker, strikes, code: error.code, reason: error.message }, "probe failed"),
    evidence: (worker, evidence) => {
      if (evidence !== "ok") tell(worker, evidence);
    },
  };
}

/** Tells the first report of its kind about a worker at once, and those of each window after it as one. */
function inWindows(
  clock: Pick<Clock, "timer">,
  windowMs: number,
  told: (worker: string, kind: string, reports: number) => void,
): (worker: string, kind: string) => void {
  /** Reports not told yet, by worker and kind, while a window is open: as many as workers at most, times five. */
  const untold = new Map<string, number>();
  const open = (key: string, worker: string, kind: string): void => {
    untold.set(key, 0);
    clock.timer(windowMs, () => {
      const reports = untold.get(key) ?? 0;
      untold.delete(key);
      if (reports === 0) return;
      told(worker, kind, reports);
      open(key, worker, kind);
    });
  };
  return (worker, kind) => {
    const key = `${kind} ${worker}`;
    const reports = untold.get(key);
    if (reports !== undefined) {
      untold.set(key, reports + 1);
      return;
    }
    told(worker, kind, 1);
    open(key, worker, kind);
  };
}

/** What becomes of versions and runs, and who proved to hold which: with it an outsider can check every span. */
export function observeLedger(ledger: Pick<Ledger, "listen">, lifeCycle: LifeCycle): void {
  ledger.listen((change) => {
    if (change.type === "version") {
      const { policy, version, state, label, contentOf } = change.version;
      lifeCycle.emit("version", { policy, version, state, label, content_of: contentOf });
    } else if (change.type === "holds") {
      const { worker, incarnation } = change;
      const holds = change.holds.map(({ policy, version, proof }) => ({ policy, version, proof }));
      lifeCycle.emit("holds", { worker, incarnation, holds });
    } else if (change.type === "run") {
      const { policy, run, epoch, opener } = change.run;
      lifeCycle.emit("run_opened", { policy, run, epoch, opener });
    }
  });
}

export function observeSessions(
  lifeCycle: LifeCycle,
): (session: FinishedSession, how: SessionEnd) => void {
  return ({ id, job, turns, branches }, how) => {
    if (how !== "empty") lifeCycle.emit(`session_${how}`, { job, session: id, turns, branches });
  };
}

export function observeControl(lifeCycle: LifeCycle, log: Logger): Audit {
  return (call) => {
    log.info({ audit: true, ...call }, "control call");
    const { who, call: name, target, outcome } = call;
    lifeCycle.emit("control", { who, call: name, target, outcome });
  };
}

/** How groups ended, and what their early stop did to lengths. */
export function observeGroups(
  metrics: Pick<Metrics, "groups" | "groupMembers" | "groupLengths" | "groupReplaced">,
): (summary: GroupSummary, members: readonly Member[]) => void {
  return ({ ended, replaced, lengths: { kept, all } }, members) => {
    metrics.groups.inc({ ended });
    metrics.groupReplaced.inc(replaced.length);
    for (const member of members) {
      metrics.groupMembers.inc({ end: hasFinished(member) ? "finished" : endOf(member) });
    }
    if (kept === null || all === null) return;
    metrics.groupLengths.inc({ of: "kept" }, kept.mean);
    metrics.groupLengths.inc({ of: "all" }, all.mean);
  };
}

export interface ObserveSummaries {
  readonly many: (summary: Summary) => void;
  readonly job: (job: string, summary: Summary) => void;
}

/** Runs' distances to their bound. One that took less than it could have is an alarm: rates or model are wrong. */
export function observeSummaries(
  metrics: Pick<Metrics, "lastMany" | "belowBound">,
  lifeCycle: Pick<LifeCycle, "emit">,
  log: Pick<Logger, "error">,
): ObserveSummaries {
  const check = (job: string | null, summary: Summary): void => {
    if (!belowBound(summary)) return;
    metrics.belowBound.inc();
    const { rollouts, makespanMs, lowerBoundMs, ratio, boundError } = summary;
    const told = {
      rollouts,
      makespan_ms: makespanMs,
      lower_bound_ms: lowerBoundMs,
      ratio,
      bound_error: boundError,
    };
    lifeCycle.emit("below_bound", { job, ...told });
    log.error({ job, ...told }, "a run took less than its lower bound: rates or model are wrong");
  };
  return {
    many(summary) {
      if (summary.ratio !== null) metrics.lastMany(summary);
      check(null, summary);
    },
    job: check,
  };
}

export function countErrors(metrics: Metrics): (error: PacelineError) => void {
  return (error) => metrics.errors.inc({ code: error.code, boundary: error.kind.boundary });
}

export function observeUpdates(
  metrics: Metrics,
  lifeCycle: LifeCycle,
  log: Logger,
): ObserveUpdates {
  return (event) => {
    switch (event.type) {
      case "phase":
        metrics.updateSeconds.observe({ phase: event.phase }, event.seconds);
        return;
      case "pause":
        metrics.pauseSeconds.observe(event.seconds);
        return;
      case "worker": {
        const { policy, version, worker, phase, reason } = event;
        lifeCycle.emit("weights", { policy, version, worker, phase, reason });
        log.info({ policy, version, worker, phase, reason }, "weights");
        return;
      }
      case "trouble": {
        const { policy, version, error } = event;
        log.error({ policy, version, code: error.code, reason: error.message }, "weights");
      }
    }
  };
}

/** How work is ordered and divided from now on, and why. */
export function observeRegime(lifeCycle: LifeCycle, log: Logger): (view: RegimeView) => void {
  return ({ regime, rho, sigmaErr, resumeSeconds, reason }) => {
    const known = Number.isNaN(sigmaErr) ? null : sigmaErr;
    const grounds = { rho, sigma_err: known, resume_seconds: resumeSeconds, reason };
    lifeCycle.emit("regime", { regime, ...grounds });
    log.info({ regime, ...grounds }, "regime");
  };
}
