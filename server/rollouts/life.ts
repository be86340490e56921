/**
 * The life of one rollout, in the order it happens: accept → offer → grant → attempt → stream →
 * (lost or revoked → resume → offer) → finish. Everything here runs on one thread; an attempt that is
 * over is fenced by its number, so what comes late changes nothing.
 */
import type { EngineFinish, EngineRequest } from "../../adapters/engine.ts";
import type { Timer } from "../contract/clock.ts";
import { PacelineError } from "../contract/errors.ts";
import type { HeldVersion } from "../contract/policy.ts";
import type { Result } from "../contract/result.ts";
import type { FinishCause, FinishReason, Rollout } from "../contract/rollout.ts";
import type { TokenChunk } from "../contract/tokens.ts";
import { LIMITS } from "../limits.ts";
import type { PlacementReply } from "../placement/port.ts";
import type { HeldReason, Outcome, RevokeReason } from "../scheduler/card.ts";
import { assertVocabulary } from "./admission.ts";
import { type AttemptContext, runAttempt } from "./attempt.ts";
import { type CardBase, cardBase } from "./card.ts";
import { EventLog } from "./event-log.ts";
import { concludeResult, Timeline } from "./finish.ts";
import type { LifeContext } from "./life-context.ts";
import { Output, type Stay } from "./output.ts";
import { Readers } from "./readers.ts";
import { afterLoss } from "./resume.ts";
import type { RolloutEvent, RolloutHandle, RolloutProgress, RolloutState } from "./service.ts";

type Grant = Extract<PlacementReply, { type: "grant" }>;
type LossReason = RevokeReason | "lost" | "failed";
type Ending = { readonly result: Result } | { readonly error: PacelineError };

/** Tokens between two `progress` messages to the owner: its forecast needs no finer grain. */
const PROGRESS_TOKENS = 256;

/** Windows without an event, in spite of a worker that answers probes, until the attempt is given up. */
const STUCK_WINDOWS = 3;

export class RolloutLife implements RolloutHandle {
  readonly rollout: Rollout;
  readonly #log = new EventLog();
  readonly #output: Output;
  readonly #card: CardBase;
  readonly #timeline: Timeline;
  readonly #readers: Readers;
  readonly #context: LifeContext;
  #state: RolloutState = "queued";
  #held: HeldReason = "queue";
  #attempt = 0;
  #failures = 0;
  #avoid: string[] = [];
  #stay: Stay | null = null;
  /** Aborts the running attempt; its reason says why. */
  #running: AbortController | null = null;
  #revoked: RevokeReason | null = null;
  #lossReason: LossReason = "lost";
  #reported = 0;
  #timeout: Timer | null = null;
  #ending: Ending | null = null;
  #waiting: { resolve(result: Result): void; reject(error: PacelineError): void }[] = [];

  constructor(rollout: Rollout, context: LifeContext) {
    this.rollout = rollout;
    this.#context = context;
    const mode = rollout.want.logprobModes[0] ?? "processed";
    this.#output = new Output(rollout.continueFrom, mode);
    this.#card = cardBase(rollout, context.clock.now());
    this.#timeline = new Timeline(context.clock.now());
    this.#readers = new Readers(context.clock, context.detachMs, () => this.end("client"));
  }

  get id(): string {
    return this.rollout.id;
  }

  get job(): string {
    return this.rollout.job;
  }

  get key(): string {
    return this.#card.key;
  }

  get ended(): Ending | null {
    return this.#ending;
  }

  start(): void {
    this.#log.append({ type: "accepted", id: this.rollout.id });
    this.#context.observer.accepted(this.rollout);
    if (this.rollout.timeoutMs !== null) {
      this.#timeout = this.#context.clock.timer(this.rollout.timeoutMs, () => this.#timedOut());
    }
    this.#offer();
  }

  progress(): RolloutProgress {
    return {
      id: this.id,
      job: this.job,
      state: this.#state,
      outputTokens: this.#output.length,
      worker: this.#stay?.worker ?? null,
      attempts: this.#timeline.attempts,
    };
  }

  result(): Promise<Result> {
    const ending = this.#ending;
    if (ending && "result" in ending) return Promise.resolve(ending.result);
    if (ending) return Promise.reject(ending.error);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  events(from: number, signal: AbortSignal): ReturnType<RolloutHandle["events"]> {
    return this.#log.read(from, signal);
  }

  attach(kind: "unary" | "stream"): () => void {
    return this.#readers.attach(kind);
  }

  /** A reply of the placement owner to one of our offers. */
  receive(reply: PlacementReply): void {
    if (this.#ending) return;
    switch (reply.type) {
      case "grant":
        if (reply.attempt === this.#attempt && this.#running === null) void this.#run(reply);
        return;
      case "held":
        this.#held = reply.reason;
        this.#state = reply.reason === "queue" ? "queued" : "held";
        if (reply.reason !== "queue") this.#log.append({ type: "held", reason: reply.reason });
        return;
      case "refused": {
        const { code, message, details } = reply.error;
        this.#fail(new PacelineError(code, message, { details }));
        return;
      }
      case "revoke":
        if (reply.attempt !== this.#attempt || this.#running === null) return;
        this.#revoked = reply.reason;
        this.#running.abort(new PacelineError("cancelled", `revoked: ${reply.reason}`));
    }
  }

  /** Ends the rollout with what it has. */
  end(cause: FinishCause): void {
    if (this.#ending) return;
    this.#leavePlacement("aborted");
    this.#finish({ type: "abort", cause, matched: null });
  }

  #offer(): void {
    this.#attempt++;
    this.#state = "queued";
    this.#held = "queue";
    const last = this.#stay;
    this.#context.placement.send({
      type: "offer",
      card: {
        ...this.#card,
        attempt: this.#attempt,
        outputTokens: this.#output.length,
        lastVersion: this.#output.lastVersion,
        avoid: this.#avoid,
        engine: last === null ? null : (this.#context.fleet.find(last.worker)?.engine ?? null),
      },
    });
  }

  async #run(grant: Grant): Promise<void> {
    const attempt = grant.attempt;
    const { fleet, ledger } = this.#context;
    const engine = fleet.engine(grant.worker, grant.incarnation);
    const held = ledger.proved(grant.worker, grant.incarnation, this.rollout.policy, grant.version);
    const worker = fleet.find(grant.worker);
    if (engine === null || held === null || worker === null) {
      this.#attemptOver("lost", "lost");
      return;
    }
    const controller = new AbortController();
    this.#running = controller;
    this.#place(grant, worker.description.dtype);
    try {
      assertVocabulary(this.rollout, worker.description.vocabSize);
      const finish = await runAttempt(
        engine,
        this.#request(grant),
        {
          started: (cached) => this.#timeline.started(cached),
          tokens: (...args) => this.#tokens(...args),
        },
        this.#attemptContext(grant, held),
        controller.signal,
      );
      if (attempt === this.#attempt) this.#engineFinished(finish);
    } catch (thrown) {
      if (attempt === this.#attempt && this.#ending === null) this.#attemptThrew(thrown, grant);
    }
  }

  #place(grant: Grant, dtype: string): void {
    const { worker, slot, incarnation, attempt, version, logprobMode } = grant;
    const before = this.#stay;
    const resume = this.#output.length > 0 ? "prefill" : "none";
    if (before !== null) {
      const reason = this.#lossReason;
      const keptTokens = this.#output.length;
      this.#log.append({
        type: "moved",
        from: before.worker,
        to: worker,
        reason,
        resume,
        keptTokens,
      });
      this.#context.observer.moved(this.rollout, reason, resume);
    }
    this.#stay = { worker, slot, incarnation, attempt, logprobMode, dtype, resume };
    this.#state = "running";
    this.#reported = this.#output.length;
    const queueMs = this.#timeline.placed(this.#context.clock.now(), worker);
    this.#log.append({ type: "placed", worker, version, attempt });
    this.#context.observer.placed(this.rollout, worker, queueMs);
  }

  #request(grant: Grant): EngineRequest {
    const { rollout } = this;
    return {
      requestId: `${this.key}#${String(grant.attempt).padStart(4, "0")}`,
      policy: rollout.policy,
      slot: grant.slot,
      promptTokenIds: rollout.promptTokenIds,
      outputTokenIds: this.#output.ids,
      sampling: rollout.sampling,
      siblingIndex: rollout.group?.index ?? 0,
      logprobMode: grant.logprobMode,
      cacheNamespace: grant.cacheNamespace,
      priority: rollout.priority,
    };
  }

  #attemptContext(grant: Grant, granted: HeldVersion): AttemptContext {
    const { clock, fleet, ledger, stuckMs } = this.#context;
    const { worker, incarnation } = grant;
    return {
      clock,
      granted,
      stuckMs,
      proved: (version) => ledger.proved(worker, incarnation, this.rollout.policy, version),
      stuck: (windows) => {
        if (fleet.find(worker)?.state !== "ready") return;
        fleet.report(worker, incarnation, "stuck");
        if (windows >= STUCK_WINDOWS) {
          this.#running?.abort(
            new PacelineError("engine_unreachable", "no token in three windows"),
          );
        }
      },
    };
  }

  #tokens(chunk: TokenChunk, held: HeldVersion, attested: "engine" | "coordinator"): void {
    const stay = this.#stay as Stay;
    this.#output.append(chunk, held, stay, attested);
    this.#timeline.firstToken(this.#context.clock.now());
    this.#log.append({
      type: "tokens",
      chunk: chunk.version === null ? { ...chunk, version: held.version } : chunk,
    });
    const committed = this.#context.ledger.committed(this.rollout.policy);
    this.#context.observer.tokens(
      this.rollout,
      chunk.ids.length,
      committed === null ? null : committed - held.version,
    );
    if (this.#output.length - this.#reported >= PROGRESS_TOKENS) {
      this.#reported = this.#output.length;
      const { key } = this;
      this.#context.placement.send({
        type: "progress",
        key,
        attempt: stay.attempt,
        outputTokens: this.#reported,
      });
    }
  }

  #engineFinished(finish: EngineFinish): void {
    this.#timeline.cached(finish.cachedTokens);
    // An engine that aborts on its own (an operator's pause) ends the attempt, not the rollout.
    if (finish.reason.type === "abort") {
      this.#failures++;
      this.#attemptOver("revoked", "drain");
      return;
    }
    const stay = this.#stay as Stay;
    this.#context.fleet.report(stay.worker, stay.incarnation, "ok");
    this.#leavePlacement("finished");
    this.#finish(finish.reason);
  }

  #attemptThrew(thrown: unknown, grant: Grant): void {
    const revoked = this.#revoked;
    if (revoked !== null) {
      this.#attemptOver(revoked === "worker_lost" ? "lost" : "revoked", revoked);
      return;
    }
    const error = PacelineError.from(thrown);
    if (error.kind.boundary !== "engine") {
      this.#leavePlacement("failed");
      this.#fail(error);
      return;
    }
    this.#failures++;
    const lost = error.code === "engine_unreachable";
    const evidence =
      error.details["misversioned"] === true
        ? "misversioned"
        : error.code === "misaligned"
          ? "misaligned"
          : "engine_error";
    this.#context.fleet.report(grant.worker, grant.incarnation, lost ? "socket_lost" : evidence);
    this.#context.log.warn(
      { rollout: this.key, worker: grant.worker, code: error.code, msg: error.message },
      "attempt failed",
    );
    if (!lost) this.#avoid = [...this.#avoid, grant.incarnation];
    if (this.#failures >= LIMITS.attempts) {
      this.#leavePlacement("failed");
      this.#fail(error);
      return;
    }
    this.#attemptOver(lost ? "lost" : "failed", lost ? "lost" : "failed");
  }

  /** The attempt is over, the rollout is not: keep what may rightly be kept and ask for another place. */
  #attemptOver(outcome: Outcome, reason: LossReason): void {
    const worker = this.#stay === null ? null : this.#context.fleet.find(this.#stay.worker);
    this.#leavePlacement(outcome);
    this.#lossReason = reason;
    const capabilities =
      worker?.description.capabilities ?? this.#context.lastCapabilities(this.#stay);
    const verdict =
      capabilities === null
        ? "continue"
        : afterLoss(this.rollout, this.#output.length, capabilities);
    if (verdict === "refuse") {
      this.#fail(
        new PacelineError(
          "not_resumable",
          `lost its worker (${reason}) and cannot rightly continue elsewhere`,
          {
            kept: { output_tokens: this.#output.length },
          },
        ),
      );
      return;
    }
    if (verdict === "restart") {
      const wasted = this.#output.clear();
      this.#timeline.wasted(wasted);
      this.#context.observer.wasted(this.rollout, wasted, reason);
    }
    this.#offer();
  }

  #leavePlacement(outcome: Outcome): void {
    const { placement, observer } = this.#context;
    const running = this.#running;
    const attempt = this.#attempt;
    this.#running = null;
    this.#revoked = null;
    if (running === null && outcome === "aborted") {
      placement.send({ type: "withdraw", key: this.key });
      return;
    }
    placement.send({ type: "done", key: this.key, attempt, outcome });
    observer.attempt(this.rollout, outcome);
    // Harmless for a stream that has ended; ends the request inside the engine otherwise.
    running?.abort(new PacelineError("cancelled", `attempt ${outcome}`));
  }

  #timedOut(): void {
    if (this.#ending) return;
    if (this.#timeline.attempts > 0) {
      this.end("timeout");
      return;
    }
    this.#leavePlacement("aborted");
    const code = this.#held === "queue" ? "deadline_exceeded" : this.#held;
    this.#fail(
      new PacelineError(code, `not placed within ${this.rollout.timeoutMs} ms: ${this.#held}`, {
        details: { reason: this.#held },
      }),
    );
  }

  #finish(reason: FinishReason): void {
    const now = this.#context.clock.now();
    const committed = this.#context.ledger.committed(this.rollout.policy);
    try {
      const result = concludeResult(
        this.rollout,
        this.#output,
        this.#timeline,
        reason,
        committed,
        now,
      );
      this.#context.observer.finished(
        this.rollout,
        result.finishReason,
        this.#timeline.duration(now),
      );
      this.#close({ result }, { type: "finished", result });
    } catch (thrown) {
      this.#fail(PacelineError.from(thrown));
    }
  }

  #fail(error: PacelineError): void {
    this.#context.observer.failed(this.rollout, error.code);
    this.#close({ error }, { type: "error", error });
  }

  #close(ending: Ending, event: RolloutEvent): void {
    this.#ending = ending;
    this.#state = "finished";
    this.#timeout?.cancel();
    this.#readers.close();
    this.#log.append(event);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { resolve, reject } of waiting) {
      if ("result" in ending) resolve(ending.result);
      else reject(ending.error);
    }
    this.#context.ended(this);
  }
}
