/**
 * One worker through one round of an external version. As in `worker-update.ts` it stands still, or empty, from before
 * its bytes may change until the ledger has the proof.
 */
import { PacelineError } from "../../../contract/errors.ts";
import type { HeldVersion } from "../../../contract/policy.ts";
import type { EngineDescription } from "../../../contract/worker.ts";
import type { VersionRecord } from "../../../policy/ledger.ts";
import type { AskCanary } from "../canary-request.ts";
import { cohortOf, distance } from "../core/canary.ts";
import type { MemberRef } from "../core/events.ts";
import type { Canary, Shown } from "../core/external-events.ts";
import { findWorker, type UpdateContext } from "../update-context.ts";
import { WorkerUpdate } from "../worker-update.ts";
import { type Claim, computesReceipt } from "./claims.ts";

export class ExternalWorker {
  readonly ref: MemberRef;
  readonly #context: UpdateContext;
  readonly #record: VersionRecord;
  readonly #ask: AskCanary;
  readonly #update: WorkerUpdate;
  /** What it had proved before the gate, of this policy. */
  #before: HeldVersion | null = null;
  #canary: Canary | null = null;
  #poisoned = false;
  /** It stands still, or may do so. */
  #paused = false;

  constructor(context: UpdateContext, record: VersionRecord, ref: MemberRef, ask: AskCanary) {
    this.ref = ref;
    this.#context = context;
    this.#record = record;
    this.#ask = ask;
    this.#update = new WorkerUpdate(context, record, ref);
  }

  /** Poisoned since before the gate: that is no news. */
  get wasPoisoned(): boolean {
    return this.#poisoned;
  }

  get pauseMs(): number | null {
    return this.#update.pauseMs;
  }

  /** Closed, emptied as `on_update` says, and standing still. */
  async gate(signal: AbortSignal): Promise<void> {
    const { ledger, fleet } = this.#context;
    const { worker, incarnation } = this.ref;
    this.#poisoned = findWorker(fleet, worker)?.state === "poisoned";
    const held = ledger.holds(worker, incarnation);
    this.#before = held.find(({ policy }) => policy === this.#record.policy) ?? null;
    const computes = this.#computes;
    // It must compute before it is trusted, and an engine that computes runs everything that is in it.
    await this.#update.close(signal, computes);
    // An operator's pause is not lifted for what is only good to know.
    if (computes && this.#before !== null && findWorker(fleet, worker)?.state !== "paused")
      this.#canary = await this.#askCanary(signal);
    this.#paused = true;
    await this.#update.pause(signal);
    const { checksum } = fleet.get(worker).description.capabilities.weights;
    if (checksum === true && this.#before !== null) this.#canary = await this.#askCanary(signal);
  }

  /** Nobody had its fence: it goes on with what it has. */
  async ungate(signal: AbortSignal): Promise<void> {
    if (this.#poisoned) await this.poison("poisoned before the gate, and still so");
    else if (this.#paused) {
      try {
        await this.#update.release(signal);
      } catch (thrown) {
        // Whoever heals poisoned workers lets it run in the end.
        await this.poison(`not let go: ${PacelineError.from(thrown).message}`);
        throw thrown;
      }
    } else this.#update.reopen();
  }

  /** Holds what the engine itself shows against the claim. Throws what does not fit. */
  async verify(claim: Claim, signal: AbortSignal): Promise<Shown> {
    const { policy, version } = this.#record;
    const seen = await this.#update.look(signal);
    if (!seen.paused) {
      throw new PacelineError(
        "engine_error",
        "it ran while it was gated: its tokens have no version",
      );
    }
    const held = seen.held.find((one) => one.policy === policy && one.version === version);
    if (held === undefined) {
      throw new PacelineError("engine_error", `it holds ${named(seen)}, not ${policy}@${version}`);
    }
    if (claim.content !== null && held.digest !== null && held.digest !== claim.content) {
      throw new PacelineError(
        "digest_mismatch",
        `it holds ${held.digest}, its mover says ${claim.content}`,
      );
    }
    const canary = claim.proof === "receipt" ? await this.#canaryNow(signal) : null;
    return {
      ...this.ref,
      ...cohortOf(seen, canary),
      canary,
      before: this.#canary,
      sameContent: claim.content !== null && claim.content === this.#before?.digest,
    };
  }

  install(claim: Claim, signal: AbortSignal): Promise<void> {
    return this.#update.install(signal, claim.proof);
  }

  /** Lets it go on if it still shows what it had proved; throws what speaks against it. */
  async restore(signal: AbortSignal): Promise<void> {
    if (this.#poisoned) throw new PacelineError("engine_error", "it was poisoned before the gate");
    const seen = await this.#update.look(signal);
    const before = this.#before;
    if (before !== null) {
      const same = seen.held.some(
        ({ policy, version, load, digest }) =>
          policy === before.policy &&
          version === before.version &&
          load === before.load &&
          (digest === null || digest === before.digest),
      );
      if (!seen.paused || !same) {
        const { policy, version } = before;
        throw new PacelineError(
          "engine_error",
          `it holds ${named(seen)} and proved ${policy}@${version}`,
        );
      }
      await this.#assertUntouched(seen, signal);
    }
    await this.#update.release(signal);
  }

  async poison(reason: string): Promise<void> {
    await this.#update.poison(reason);
    // What becomes poisoned loses its gate by that; what was so already does not.
    if (this.#poisoned) this.#context.gate.open(this.ref.worker);
  }

  /** A label that is still the old one says nothing: bytes change before labels do. */
  async #assertUntouched(seen: EngineDescription, signal: AbortSignal): Promise<void> {
    if (seen.held.every(({ digest }) => digest !== null)) return;
    if (this.#canary === null) {
      throw new PacelineError("engine_error", "it cannot show that its memory is as it was");
    }
    if (distance(this.#canary, await this.#canaryNow(signal)) === 0) return;
    throw new PacelineError("engine_error", "its canary is not what it was before the gate");
  }

  /** An engine that has neither a digest nor a checksum to see shows by computing. */
  get #computes(): boolean {
    return computesReceipt(this.#context.fleet.get(this.ref.worker).description.capabilities);
  }

  /** Closed and empty where it must run: nothing but the canary does. */
  async #canaryNow(signal: AbortSignal): Promise<Canary> {
    if (this.#computes) await this.#update.resume(signal);
    return this.#askCanary(signal);
  }

  #askCanary(signal: AbortSignal): Promise<Canary> {
    return this.#update.compute(signal, (engine, inner) =>
      this.#ask(
        engine,
        this.#context.fleet.get(this.ref.worker).description,
        { policy: this.#record.policy },
        inner,
      ),
    );
  }
}

const named = ({ held }: EngineDescription): string =>
  held.map(({ policy, version, load }) => `${policy}@${version}#${load}`).join(", ") || "nothing";
