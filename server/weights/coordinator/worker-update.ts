/**
 * One version on its way into one life of one worker, step by step. The order is what keeps tokens and
 * versions together: the engine stands still from before the swap until the ledger has the proof, so no
 * token of the new version comes before the ledger knows it, and none of the old one after.
 */
import type { Engine, EngineWeights } from "../../../adapters/engine.ts";
import { PacelineError } from "../../contract/errors.ts";
import type { HeldReport, Proof } from "../../contract/policy.ts";
import type { Capabilities, EngineDescription } from "../../contract/worker.ts";
import { isLifeOf } from "../../fleet/incarnation.ts";
import type { VersionRecord } from "../../policy/ledger.ts";
import type { MemberRef } from "./core/events.ts";
import { withDeadline } from "./deadline.ts";
import { bestProof, computesReceipt } from "./external/claims.ts";
import type { UpdatePhase } from "./observation.ts";
import { findWorker, type UpdateContext } from "./update-context.ts";
import { pathOf } from "./version-path.ts";
import { createWorkerSteps, type WorkerSteps } from "./worker-step.ts";

/** Tries of one call to a worker that does not answer but is not dead either. */
const STAGE_TRIES = 2;

const never = new AbortController().signal;

export class WorkerUpdate {
  readonly #context: UpdateContext;
  readonly #record: VersionRecord;
  readonly #ref: MemberRef;
  readonly #steps: WorkerSteps;
  #kept: readonly string[] = [];
  /** What the engine said that it holds of this version. */
  #held: Pick<HeldReport, "digest" | "load"> | null = null;
  #pausedAt: number | null = null;
  #operatorPaused = false;
  #resumed = false;
  #proof: Proof = "digest";
  /** It was believed for what it computed; another may have come since who speaks against it. */
  #computed = false;
  /** Milliseconds that generation stood still; null before it runs again. */
  pauseMs: number | null = null;

  constructor(context: UpdateContext, record: VersionRecord, ref: MemberRef) {
    this.#context = context;
    this.#record = record;
    this.#ref = ref;
    this.#steps = createWorkerSteps(context, record, ref);
  }

  /**
   * Answers the digest of what the worker read; null where its engine shows none. Throws when it is lost, rejects the
   * weights or is late.
   */
  async stage(ms: number, signal: AbortSignal): Promise<string | null> {
    const { policy, version } = this.#record;
    const path = pathOf(this.#record);
    for (let tries = 1; ; tries++) {
      try {
        const staged = await this.#step("stage", ms, signal, (inner) =>
          this.#weights.stage({ policy, version, path }, inner),
        );
        if (staged.digest === null) this.#assertShowsNone();
        return staged.digest;
      } catch (thrown) {
        const unreachable = PacelineError.from(thrown).code === "engine_unreachable";
        if (!unreachable || tries === STAGE_TRIES) throw thrown;
      }
    }
  }

  /**
   * Closes the worker and empties it of what must not live through the swap; of everything with `empty`, whatever
   * rollouts say.
   */
  async close(signal: AbortSignal, empty = false): Promise<void> {
    const { gate, timings, standstills } = this.#context;
    const { onUpdate, updateGraceMs: graceMs } = this.#record;
    const { worker, incarnation } = this.#ref;
    const all = empty || this.#mustCompute || !this.#pausesInPlace;
    const ms = gate.longestGraceMs(graceMs) + timings.gateSlackMs;
    const { kept } = await this.#step("gate", ms, signal, async () => {
      // Left paused by a former life of ours: that is no operator's pause.
      await standstills.lifted(worker);
      return gate.close(worker, incarnation, { why: "update", onUpdate, graceMs, empty: all });
    });
    this.#kept = kept;
  }

  /** Closed already: lets the engine stand still, what runs there in place. */
  async pause(signal: AbortSignal): Promise<void> {
    const { fleet, clock, timings, standstills } = this.#context;
    const { worker, incarnation } = this.#ref;
    const { policy, version } = this.#record;
    const { control } = this.#engine;
    this.#operatorPaused = findWorker(fleet, worker)?.state === "paused";
    fleet.mark(worker, incarnation, "updating", `version ${version} of ${policy} is put in place`);
    this.#pausedAt = clock.now();
    if (!this.#operatorPaused) {
      await standstills.begin(this.#ref, this.#record);
      await this.#step("pause", timings.pauseMs, signal, (inner) =>
        control.pause(this.#pauseMode, inner),
      );
    }
  }

  /**
   * Pauses, swaps, and answers the digest of what the worker then holds; null where its engine shows none, and showed
   * what it can instead: its own label, and a checksum, or a canary where nothing runs there that must not run yet.
   */
  async swap(signal: AbortSignal): Promise<string | null> {
    const { policy, version } = this.#record;
    await this.pause(signal);
    const kv = this.#kept.length > 0 ? "keep" : "drop";
    await this.#step("swap", this.#context.timings.swapMs, signal, (inner) =>
      this.#weights.swap({ policy, version, kv }, inner),
    );
    const digest = await this.#verify(signal);
    if (digest !== null) return digest;
    // Kept rollouts would run with the canary, under weights that nobody believes yet.
    const shows = kv === "drop" || !computesReceipt(this.#capabilities);
    this.#proof = bestProof(this.#capabilities) === "receipt" && shows ? "receipt" : "reported";
    if (this.#proof === "receipt") await this.#receipt(signal);
    return null;
  }

  /**
   * Proves what the worker holds already, if that is this very version: by its digest, or by its label alone where the
   * policy takes that. Else answers false.
   */
  async adopt(signal: AbortSignal): Promise<boolean> {
    await this.#ask(signal);
    if (this.#held === null) return false;
    const { digest } = this.#held;
    if (digest === null) {
      if (this.#capabilities.weights.proof === "digest" || this.#minProof !== "reported")
        return false;
      this.#proof = "reported";
    } else if (digest !== this.#record.digest) return false;
    this.prove();
    return true;
  }

  /** Asks the engine what it holds. Throws `engine_error` if that is another policy or version, or has no digest where it could. */
  async #verify(signal: AbortSignal): Promise<string | null> {
    const { policy, version } = this.#record;
    const holds = await this.#ask(signal);
    if (this.#held === null) {
      throw new PacelineError("engine_error", `it holds ${holds}, not ${policy}@${version}`);
    }
    if (this.#held.digest === null) this.#assertShowsNone();
    return this.#held.digest;
  }

  /** The digest of what it holds of this version. Throws as `verify`. */
  holding(signal: AbortSignal): Promise<string | null> {
    return this.#verify(signal);
  }

  #assertShowsNone(): void {
    if (this.#capabilities.weights.proof !== "digest") return;
    throw new PacelineError("engine_error", "it shows no digest, as it said that it could");
  }

  get #pausesInPlace(): boolean {
    return this.#capabilities.pause.includes("keep");
  }

  get #pauseMode(): "keep" | "abort" {
    return this.#pausesInPlace ? "keep" : "abort";
  }

  /** It may only be trusted by what it computes; an engine that computes runs everything that is in it. */
  get #mustCompute(): boolean {
    return computesReceipt(this.#capabilities) && this.#minProof !== "reported";
  }

  /** Holds what it computes, or shows, against what others did of the same content. Throws what does not fit. */
  async #receipt(signal: AbortSignal): Promise<void> {
    const { receipts, fleet } = this.#context;
    const { worker } = this.#ref;
    const { description } = fleet.get(worker);
    if (computesReceipt(description.capabilities)) await this.resume(signal);
    const canary = await this.compute(signal, (engine, inner) =>
      receipts.ask(engine, description, { policy: this.#record.policy }, inner),
    );
    const verdicts = receipts.judge(this.#record, this.#ref, description, canary);
    for (const [other, { incarnation, reason }] of verdicts) {
      if (other !== worker) fleet.mark(other, incarnation, "poisoned", reason);
    }
    const mine = verdicts.get(worker);
    this.#computed = true;
    if (mine !== undefined) throw new PacelineError("engine_error", mine.reason);
  }

  async #ask(signal: AbortSignal): Promise<string> {
    const { policy, version } = this.#record;
    const reported = await this.#step("verify", this.#context.timings.verifyMs, signal, (inner) =>
      this.#weights.held(inner),
    );
    const held = reported.find((one) => one.policy === policy && one.version === version);
    this.#held = held === undefined ? null : { digest: held.digest, load: held.load };
    return reported.map((one) => `${one.policy}@${one.version}`).join(", ") || "nothing";
  }

  /** Asks the engine itself, past all that is remembered of it. Throws when this life of it is over. */
  async look(signal: AbortSignal): Promise<EngineDescription> {
    const { policy, version } = this.#record;
    const { worker, incarnation } = this.#ref;
    const { fleet, timings } = this.#context;
    const seen = await this.#step("verify", timings.verifyMs, signal, (inner) =>
      this.#engine.probe(inner),
    );
    if (!isLifeOf(incarnation, seen.incarnation)) {
      fleet.report(worker, incarnation, "stuck");
      throw this.#steps.gone();
    }
    this.#held = seen.held.find((one) => one.policy === policy && one.version === version) ?? null;
    return seen;
  }

  /** The ledger learns what the worker holds. Throws `version_conflict` if a newer commit came first. */
  prove(proof: Proof = this.#proof): void {
    const { ledger } = this.#context;
    const { worker, incarnation } = this.#ref;
    const { policy, version, label } = this.#record;
    if (!this.#steps.alive) throw this.#steps.gone();
    if (ledger.policy(policy).committedVersion !== version || this.#held === null) {
      throw new PacelineError(
        "version_conflict",
        `${policy}@${version} is not the fleet's version`,
      );
    }
    const holds = ledger.holds(worker, incarnation);
    // One full policy at a time: what it held of another was overwritten.
    if (
      holds.some((held) => held.policy !== policy && ledger.policy(held.policy).kind === "full")
    ) {
      ledger.forget(worker, incarnation);
    }
    ledger.prove(worker, incarnation, { policy, version, label, proof, ...this.#held });
  }

  /** Proves, lets the engine run and opens the worker, in this order. */
  async install(signal: AbortSignal, proof?: Proof): Promise<void> {
    this.prove(proof);
    await this.release(signal);
  }

  /** Lets the engine run; the worker stays closed. */
  async resume(signal: AbortSignal): Promise<void> {
    const { control } = this.#engine;
    this.#resumed = true;
    await this.#step("resume", this.#context.timings.resumeMs, signal, (inner) =>
      control.resume(inner),
    );
  }

  /** Has the engine, which is closed to all others and runs where it must, make something of its weights. */
  compute<T>(
    signal: AbortSignal,
    run: (engine: Engine, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { canaryMs } = this.#context.timings;
    return this.#step("canary", canaryMs, signal, (inner) => run(this.#engine, inner));
  }

  /** Lets the engine run and opens the worker, with whatever it proved. */
  async release(signal: AbortSignal): Promise<void> {
    const { fleet, gate, clock, observe } = this.#context;
    const { worker, incarnation } = this.#ref;
    const { policy, version } = this.#record;
    if (!this.#operatorPaused) await this.resume(signal);
    if (this.#pausedAt !== null) {
      this.pauseMs = clock.now() - this.#pausedAt;
      observe({ type: "pause", policy, version, worker, seconds: this.pauseMs / 1000 });
    }
    if (this.#computed && !this.#context.receipts.believed(this.#record, this.#ref)) {
      throw new PacelineError("engine_error", "its canary is not believed beside those of others");
    }
    fleet.mark(worker, incarnation, "ready", null);
    gate.open(worker);
    // Paused by an operator, before or meanwhile: our resume undid that inside the engine.
    const paused = findWorker(fleet, worker)?.state === "paused";
    if (paused && this.#resumed) await fleet.pause(worker, this.#pauseMode);
  }

  /** Nothing was swapped: the worker goes on with what it has. */
  reopen(): void {
    const { fleet, gate } = this.#context;
    if (!this.#steps.alive) return;
    if (this.#pausedAt !== null) fleet.mark(this.#ref.worker, this.#ref.incarnation, "ready", null);
    gate.open(this.#ref.worker);
  }

  /** What it holds is unknown or wrong: no proof, no place, and what ran there goes on elsewhere. */
  async poison(reason: string): Promise<void> {
    const { ledger, fleet, gate, clock, timings } = this.#context;
    const { worker, incarnation } = this.#ref;
    ledger.forget(worker, incarnation);
    if (!this.#steps.alive) return;
    fleet.mark(worker, incarnation, "poisoned", reason);
    await withDeadline(clock, timings.discardMs, `${worker}: emptying`, never, () =>
      gate.drain(worker, "migrate", 0),
    );
  }

  async discard(): Promise<void> {
    const { policy, version } = this.#record;
    const { clock, timings } = this.#context;
    if (!this.#steps.alive) return;
    await withDeadline(clock, timings.discardMs, `${this.#ref.worker}: discard`, never, (inner) =>
      this.#weights.discard({ policy, version }, inner),
    );
  }

  get #capabilities(): Capabilities {
    return this.#context.fleet.get(this.#ref.worker).description.capabilities;
  }

  get #minProof(): Proof {
    return this.#context.ledger.policy(this.#record.policy).minProof;
  }

  get #engine(): Engine {
    return this.#steps.engine;
  }

  get #weights(): EngineWeights {
    const { weights } = this.#engine;
    if (weights !== null) return weights;
    throw new PacelineError("unsupported", `${this.#ref.worker} cannot load weights from files`);
  }

  #step<T>(
    phase: UpdatePhase,
    ms: number,
    signal: AbortSignal,
    run: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    return this.#steps.run(phase, ms, signal, run);
  }
}
