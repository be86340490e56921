/**
 * A rollout's way over the fleet: offer → grant → attempt → stream → (lost or revoked → resume → offer
 * again) until the engine finishes it. An attempt that is over is fenced by its number, so what comes
 * late changes nothing.
 */
import type { EngineFinish } from "../../adapters/engine.ts";
import { PacelineError } from "../contract/errors.ts";
import { type HeldVersion, replaceable } from "../contract/policy.ts";
import type { FinishReason, Span } from "../contract/rollout.ts";
import type { SideChunk } from "../contract/side-data.ts";
import type { TokenChunk } from "../contract/tokens.ts";
import type { Grant, PlacementReply } from "../placement/port.ts";
import type { HeldReason, MoveReason, Outcome, RevokeReason } from "../scheduler/card.ts";
import { assertVocabulary } from "./admission.ts";
import { type AttemptContext, runAttempt } from "./attempt.ts";
import { cardOf } from "./card.ts";
import { cutAt, engineRequest } from "./engine-request.ts";
import type { ExpertsRecord } from "./experts-record.ts";
import { Intake } from "./intake.ts";
import type { LifeContext } from "./life-context.ts";
import { evidenceOf, Losses, NONE } from "./losses.ts";
import type { Stay } from "./output.ts";
import { afterLoss } from "./resume.ts";
import type { RolloutState } from "./service.ts";
import type { Traveller } from "./traveller.ts";

/** Why a rollout has no place: the scheduler's reasons, its job's staleness bound, or that it is kept for later. */
export type Held = HeldReason | "staleness" | "kept";

/** Tokens between two `progress` messages to the owner: its forecast needs no finer grain. */
const PROGRESS_TOKENS = 256;

/** Windows without an event that nothing explains, at a worker that answers probes, until the attempt is given up. */
const STUCK_WINDOWS = 3;
/** A window is so many forecasts of its prefill long, if that is more: forecasts err, and others are prefilled beside it. */
const STUCK_FORECASTS = 3;

export class Journey {
  readonly #context: LifeContext;
  readonly #traveller: Traveller;
  #over = false;
  #state: RolloutState = "queued";
  #held: Held = "queue";
  #attempt = 0;
  /** `null` until something fails. */
  #losses: Losses | null = null;
  /** Of the last attempt; `null` before the first. */
  #intake: Intake | null = null;
  #stay: Stay | null = null;
  /** Aborts the running attempt; its reason says why. */
  #running: AbortController | null = null;
  #revoked: RevokeReason | null = null;
  #moveReason: MoveReason = "lost";
  /** Readers have yet to be told that what they have is void. */
  #restarted = false;
  #reported = 0;

  constructor(traveller: Traveller, context: LifeContext) {
    this.#traveller = traveller;
    this.#context = context;
  }

  get state(): RolloutState {
    return this.#state;
  }

  /** Why it has no place now. */
  get held(): Held {
    return this.#held;
  }

  get worker(): string | null {
    return this.#stay?.worker ?? null;
  }

  get lastError(): PacelineError | null {
    return this.#losses?.last ?? null;
  }

  /** A reply of the placement owner to one of our offers. */
  receive(reply: PlacementReply): void {
    if (this.#over) return;
    switch (reply.type) {
      case "grant":
        if (reply.attempt === this.#attempt && this.#running === null) void this.#run(reply);
        return;
      case "held":
        if (reply.reason === "no_eligible_worker" && this.#avoid.length > 0) {
          this.#avoidsAll();
          return;
        }
        this.#held = reply.reason;
        this.#state = reply.reason === "queue" ? "queued" : "held";
        if (reply.reason !== "queue") this.#traveller.emit({ type: "held", reason: reply.reason });
        return;
      case "refused": {
        const { code, message, details, retry_after_ms: retryAfterMs } = reply.error;
        this.#fail(
          new PacelineError(code, message, {
            details,
            ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
          }),
        );
        return;
      }
      case "revoke":
        if (reply.attempt !== this.#attempt || this.#running === null) return;
        this.#revoked = reply.reason;
        this.#running.abort(new PacelineError("cancelled", `revoked: ${reply.reason}`));
    }
  }

  /** Gives up the place, or the wish for one, for good. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#leavePlacement("aborted");
  }

  /** All that was made is void: it begins anew, from a first token. Not before its first offer. */
  restart(reason: MoveReason): void {
    if (this.#attempt === 0) return;
    this.#leavePlacement(this.#running === null ? "aborted" : "revoked");
    this.#moveReason = reason;
    this.#restarted = true;
    this.offer();
  }

  /**
   * Gives up its place, or the wish for one, and keeps what it made until `offer` is called. False: it could not rightly go on
   * from that, and its way is over.
   */
  rest(): boolean {
    this.#leavePlacement("aborted");
    // Whatever still comes of that attempt is late.
    this.#attempt++;
    this.#intake?.lost();
    if (this.#verdict() !== "continue" || this.#spent) {
      this.#over = true;
      return false;
    }
    this.#moveReason = "kept";
    this.#state = "held";
    this.#held = "kept";
    this.#traveller.emit({ type: "held", reason: "kept" });
    return true;
  }

  /** It may not ask for a place yet; `offer` is called when it may. */
  hold(): void {
    this.#state = "held";
    this.#held = "staleness";
    this.#traveller.emit({ type: "held", reason: "staleness" });
  }

  offer(): void {
    this.#attempt++;
    this.#state = "queued";
    this.#held = "queue";
    this.#context.placement.send({
      type: "offer",
      card: cardOf(this.#traveller.rollout, {
        key: this.#traveller.key,
        acceptedAt: this.#traveller.acceptedAt,
        attempt: this.#attempt,
        outputTokens: this.#traveller.outputTokens,
        firstVersion: this.#traveller.firstVersion,
        lastVersion: this.#traveller.lastVersion,
        avoid: this.#avoid,
        engine: this.#engineKind(),
      }),
    });
  }

  get #experts(): ExpertsRecord | null {
    return this.#traveller.output.side?.experts ?? null;
  }

  /** Kind of engine that it must go on on; null for any. */
  #engineKind(): string | null {
    if (this.#stay === null || this.#traveller.rollout.mixedEngines) return null;
    return this.#context.fleet.find(this.#stay.worker)?.engine ?? null;
  }

  get #avoid(): readonly string[] {
    return this.#losses?.avoid ?? NONE;
  }

  /** Nobody is left but workers that failed it. */
  #avoidsAll(): void {
    const end = this.#losses?.forgive() ?? null;
    if (end === null) {
      this.offer();
      return;
    }
    this.#leavePlacement("aborted");
    this.#fail(end);
  }

  async #run(grant: Grant): Promise<void> {
    const attempt = grant.attempt;
    const { fleet, ledger } = this.#context;
    const engine = fleet.engine(grant.worker, grant.incarnation);
    const { policy } = this.#traveller.rollout;
    const proved = ledger.proved(grant.worker, grant.incarnation, policy, grant.version);
    const use = this.#context.adapters.enter(grant, policy);
    const worker = fleet.find(grant.worker);
    if (engine === null || worker === null || (proved === null && use === null)) {
      use?.leave();
      this.#failedOnce(
        new PacelineError("engine_unreachable", `${grant.worker} left before the grant`),
        "lost",
      );
      return;
    }
    const controller = new AbortController();
    this.#running = controller;
    const intake = this.#place(grant, worker.description.dtype);
    const end = cutAt(this.#traveller, grant);
    const source = this.#traveller.outputTokens > 0 ? "recomputed" : "sampled";
    this.#experts?.discard();
    try {
      assertVocabulary(this.#traveller.rollout, worker.description.vocabSize);
      const held = use === null ? proved : await use.ready(controller.signal);
      if (held === null) {
        if (attempt === this.#attempt && !this.#over) this.#attemptOver("revoked", "update");
        return;
      }
      const finish = await runAttempt(
        engine,
        engineRequest(this.#traveller, this.#context, grant, held, worker.description.capabilities),
        {
          started: (cached) => this.#traveller.timeline.started(cached),
          prompt: (prompt) => this.#traveller.output.side?.prompt(prompt),
          expertsHead: (head) => this.#experts?.head(head),
          experts: (bytes) => this.#experts?.take(bytes) ?? null,
          tokens: (...args) => this.#tokens(intake, ...args),
          versions: (runs) => intake.attest(runs, held),
        },
        this.#attemptContext(grant, held),
        controller.signal,
      );
      if (finish.reason.type !== "abort")
        await this.#experts?.end(this.#traveller.outputTokens, source);
      if (attempt === this.#attempt && !this.#over) this.#engineFinished(finish, intake, end);
    } catch (thrown) {
      if (attempt === this.#attempt && !this.#over) this.#attemptThrew(thrown, grant);
    } finally {
      use?.leave();
    }
  }

  #place(grant: Grant, dtype: string): Intake {
    const { worker, slot, incarnation, attempt, version, logprobMode } = grant;
    const before = this.#stay;
    const resume = this.#traveller.output.length > 0 ? "prefill" : "none";
    if (before !== null || this.#restarted) {
      const reason = this.#moveReason;
      const keptTokens = this.#traveller.output.length;
      this.#restarted = false;
      this.#traveller.emit({
        type: "moved",
        // It may never have been anywhere, and void what it was to go on from.
        from: before?.worker ?? worker,
        to: worker,
        reason,
        resume,
        keptTokens,
      });
      this.#context.observer.moved(this.#traveller.rollout, reason, resume);
    }
    this.#stay = { worker, slot, incarnation, attempt, logprobMode, dtype, resume };
    this.#state = "running";
    this.#reported = this.#traveller.output.length;
    const queueMs = this.#traveller.timeline.placed(this.#context.clock.now(), worker);
    this.#traveller.emit({ type: "placed", worker, version, attempt });
    this.#context.observer.placed(this.#traveller.rollout, worker, queueMs);
    this.#intake = new Intake(this.#traveller, this.#context, this.#stay);
    return this.#intake;
  }

  #attemptContext(grant: Grant, granted: HeldVersion): AttemptContext {
    const { clock, ledger } = this.#context;
    const { worker, incarnation } = grant;
    const below = replaceable(granted);
    return {
      clock,
      granted,
      stuckMs: this.#stuckMs(worker),
      proved: (policy, version) => ledger.proved(worker, incarnation, policy, version),
      unchanged: () =>
        ledger
          .holds(worker, incarnation)
          .some(
            ({ policy, version, load }) =>
              policy === below.policy && version === below.version && load === below.load,
          ),
      silent: (windows) => this.#silent(grant, windows),
    };
  }

  /** Longer than its prefill may take, by the rate that was measured there. */
  #stuckMs(worker: string): number {
    const { fleet, stuckMs } = this.#context;
    const rate = fleet.find(worker)?.rates?.prefillTokensPerSecond ?? null;
    const { rollout, outputTokens } = this.#traveller;
    const context = rollout.promptTokenIds.length + outputTokens;
    const forecastMs = rate === null ? 0 : (1_000 * context) / rate;
    return Math.max(stuckMs, STUCK_FORECASTS * forecastMs);
  }

  /** A probe that fails then loses the worker; one that answers leaves the attempt be, while something explains its silence. */
  #silent({ worker, incarnation }: Grant, windows: number): boolean {
    const { fleet } = this.#context;
    const record = fleet.find(worker);
    if (record?.state !== "ready") return false;
    fleet.report(worker, incarnation, "stuck");
    // It may be one of those that wait inside the engine, for as long as they have to.
    if ((record.load?.waiting ?? 0) > 0) return false;
    if (windows < STUCK_WINDOWS) return true;
    const why = `no token in ${windows} windows, and none waits there`;
    this.#running?.abort(new PacelineError("engine_unreachable", why));
    return true;
  }

  #tokens(
    intake: Intake,
    chunk: TokenChunk,
    held: HeldVersion,
    attested: Span["attested"],
    side?: SideChunk,
  ): FinishReason | null {
    const first = this.#traveller.outputTokens === 0;
    const reason = intake.take(chunk, held, attested, side);
    this.#losses?.progressed();
    if (first && this.#traveller.overdue()) return null;
    const { key, outputTokens } = this.#traveller;
    if (outputTokens - this.#reported >= PROGRESS_TOKENS) {
      this.#reported = outputTokens;
      this.#context.placement.send({
        type: "progress",
        key,
        attempt: this.#attempt,
        outputTokens,
      });
    }
    return reason;
  }

  /** `cutAt`: output tokens at which this attempt was to end, the rollout not. */
  #engineFinished(finish: EngineFinish, intake: Intake, cutAt: number | null): void {
    this.#traveller.timeline.cached(finish.cachedTokens);
    // An engine that aborts on its own (an operator's pause) ends the attempt, not the rollout.
    if (finish.reason.type === "abort") {
      this.#attemptOver("revoked", "drain");
      return;
    }
    this.#traveller.output.side?.assertWhole();
    intake.finished();
    const stay = this.#stay as Stay;
    this.#context.fleet.report(stay.worker, stay.incarnation, "ok");
    if (this.#traveller.overdue()) return;
    if (finish.reason.cause === "max_new" && this.#traveller.output.length === cutAt) {
      this.#cut();
      return;
    }
    this.#over = true;
    this.#leavePlacement("finished");
    this.#traveller.arrived(finish.reason);
  }

  /** All that its segment allowed is made: it goes on, maybe elsewhere, when its turn comes again. */
  #cut(): void {
    this.#leavePlacement("cut");
    this.#moveReason = "cut";
    this.offer();
  }

  #attemptThrew(thrown: unknown, grant: Grant): void {
    const revoked = this.#revoked;
    if (revoked !== null) {
      this.#attemptOver(revoked === "worker_lost" ? "lost" : "revoked", revoked);
      return;
    }
    const error = PacelineError.from(thrown);
    // It lost its weights since the grant: another worker has them.
    const elsewhere = error.kind.boundary === "engine" || error.code === "version_unavailable";
    if (!elsewhere) {
      this.#leavePlacement("failed");
      this.#fail(error);
      return;
    }
    if (error.details["doubtful"] === true) this.#intake?.distrusted();
    const evidence = evidenceOf(error);
    this.#context.fleet.report(grant.worker, grant.incarnation, evidence);
    this.#context.log.warn(
      {
        rollout: this.#traveller.key,
        worker: grant.worker,
        code: error.code,
        reason: error.message,
      },
      "attempt failed",
    );
    const lost = evidence === "socket_lost";
    this.#losses ??= new Losses();
    if (!lost) this.#losses.shun(grant.incarnation);
    this.#failedOnce(error, lost ? "lost" : "failed");
  }

  #failedOnce(error: PacelineError, outcome: "lost" | "failed"): void {
    this.#losses ??= new Losses();
    if (this.#losses.add(error)) {
      this.#attemptOver(outcome, outcome);
      return;
    }
    this.#leavePlacement(outcome);
    this.#fail(error);
  }

  /** The attempt is over, the rollout is not: keep what may rightly be kept and ask for another place. */
  #attemptOver(outcome: Outcome, reason: MoveReason): void {
    this.#leavePlacement(outcome);
    this.#moveReason = reason;
    this.#intake?.lost();
    const verdict = this.#verdict();
    if (verdict === "refuse") {
      this.#fail(
        new PacelineError(
          "not_resumable",
          `lost its worker (${reason}) and cannot rightly continue elsewhere`,
          {
            kept: { output_tokens: this.#traveller.output.length },
          },
        ),
      );
      return;
    }
    if (verdict === "restart" || this.#spent) {
      this.#intake?.clear(reason);
    }
    this.offer();
  }

  /** What may become of its tokens without the attempt that made the last of them. */
  #verdict(): ReturnType<typeof afterLoss> {
    const worker = this.#stay === null ? null : this.#context.fleet.find(this.#stay.worker);
    const capabilities =
      worker?.description.capabilities ?? this.#context.lastCapabilities(this.#stay);
    const { rollout, outputTokens } = this.#traveller;
    return capabilities === null ? "continue" : afterLoss(rollout, outputTokens, capabilities);
  }

  /** All tokens are there, their experts are not: an engine is not asked to make none. */
  get #spent(): boolean {
    const { rollout, outputTokens } = this.#traveller;
    return this.#experts !== null && outputTokens >= rollout.sampling.maxNewTokens;
  }

  #leavePlacement(outcome: Outcome): void {
    const { placement, observer } = this.#context;
    const running = this.#running;
    const attempt = this.#attempt;
    this.#running = null;
    this.#revoked = null;
    if (running === null && outcome === "aborted") {
      placement.send({ type: "withdraw", key: this.#traveller.key });
      return;
    }
    const { outputTokens } = this.#traveller;
    placement.send({ type: "done", key: this.#traveller.key, attempt, outcome, outputTokens });
    observer.attempt(this.#traveller.rollout, outcome);
    // A stream that finished or was cut has ended; any other must end inside the engine too.
    if (outcome !== "finished" && outcome !== "cut")
      running?.abort(new PacelineError("cancelled", `attempt ${outcome}`));
  }

  #fail(error: PacelineError): void {
    this.#over = true;
    this.#traveller.failed(error);
  }
}
