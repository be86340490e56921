/**
 * One version of a LoRA adapter on its way into one life of one worker. It is read beside what is served, under a name of
 * its own: nothing stands still, running rollouts stay on the version that they began with, and that one leaves the
 * engine behind the last of them. Where the engine has no room, an adapter that nobody uses makes way, the one that was used
 * longest ago; only where it has no room for two versions of one is the worker emptied, as `finish` says.
 */
import type { EngineAdapters } from "../../../adapters/engine.ts";
import { PacelineError } from "../../contract/errors.ts";
import type { HeldReport, HeldVersion, Proof } from "../../contract/policy.ts";
import type { VersionRecord } from "../../policy/ledger.ts";
import type { MemberRef } from "./core/events.ts";
import { bestProof } from "./external/claims.ts";
import type { UpdateContext } from "./update-context.ts";
import { pathOf } from "./version-path.ts";
import type { VersionUpdate } from "./version-update.ts";
import { createWorkerSteps, type WorkerSteps } from "./worker-step.ts";

const never = new AbortController().signal;

export class AdapterUpdate implements VersionUpdate {
  readonly #context: UpdateContext;
  readonly #record: VersionRecord;
  readonly #ref: MemberRef;
  readonly #steps: WorkerSteps;
  /** In the engine, under its name. */
  #loaded = false;
  #closed = false;
  /** It takes room there, and is not proved yet. */
  #takesRoom = false;
  /** Somebody else brought it there. */
  #present = false;
  #proof: Proof = "reported";
  /** Nothing stands still for an adapter. */
  readonly pauseMs = null;

  constructor(context: UpdateContext, record: VersionRecord, ref: MemberRef) {
    this.#context = context;
    this.#record = record;
    this.#ref = ref;
    this.#steps = createWorkerSteps(context, record, ref);
  }

  /** An engine's list of names is no proof: another server may have given them. It is loaded anew. */
  adopt(): Promise<boolean> {
    return Promise.resolve(false);
  }

  async stage(ms: number, signal: AbortSignal): Promise<null> {
    const { rooms } = this.#context;
    const { incarnation } = this.#ref;
    try {
      await this.#steps.run("stage", ms, signal, async (inner) => {
        if (!(await this.#takes(inner))) return;
        await rooms.exclusive(incarnation, async () => {
          inner.throwIfAborted();
          await this.#clear(inner);
          if (await this.#fits(inner)) await this.#load(inner);
        });
      });
    } catch (thrown) {
      this.#came();
      throw thrown;
    }
    return null;
  }

  /** False where somebody else, a rollout or a publication, has brought it there meanwhile. */
  async #takes(signal: AbortSignal): Promise<boolean> {
    const { rooms } = this.#context;
    const { incarnation } = this.#ref;
    for (;;) {
      if (this.#before?.version === this.#record.version) {
        this.#present = true;
        return false;
      }
      const arrival = rooms.arrival(incarnation, this.#record);
      if (arrival === null) break;
      await arrival;
      signal.throwIfAborted();
    }
    rooms.comes(incarnation, this.#record);
    this.#takesRoom = true;
    return true;
  }

  /** Makes room where it must; false: only its own former version can. */
  async #fits(signal: AbortSignal): Promise<boolean> {
    const { rooms, ledger, leaving } = this.#context;
    const { worker, incarnation } = this.#ref;
    for (;;) {
      const listed = await this.#listed(signal);
      rooms.retain(incarnation, listed);
      if (listed.length < this.#room) return true;
      if (this.#before !== undefined) return false;
      const proved = ledger.holds(worker, incarnation).filter(({ base }) => base !== undefined);
      const gone = rooms.leastUsed(incarnation, proved);
      if (gone === null) {
        const sooner = leaving.next(this.#ref) ?? new Promise<void>(() => {});
        await Promise.race([sooner, rooms.unused(incarnation, signal)]);
        continue;
      }
      ledger.release(worker, incarnation, gone.policy);
      await this.#adapters.unload(gone, signal);
    }
  }

  /** Where there is no room yet: empties the worker, and puts it in the place of the version before it. */
  async close(signal: AbortSignal): Promise<void> {
    if (this.#loaded || this.#present) return;
    const { gate, ledger, timings } = this.#context;
    const { worker, incarnation } = this.#ref;
    const { updateGraceMs: graceMs } = this.#record;
    this.#closed = true;
    const ms = gate.longestGraceMs(graceMs) + timings.gateSlackMs + timings.swapMs;
    await this.#steps.run("gate", ms, signal, async (inner) => {
      await gate.close(worker, incarnation, {
        why: "update",
        onUpdate: "finish",
        graceMs,
        empty: true,
      });
      const before = this.#before;
      if (before !== undefined) {
        ledger.release(worker, incarnation, before.policy);
        await this.#adapters.unload(before, inner);
      }
      await this.#context.leaving.over(this.#ref);
      await this.#load(inner);
    });
  }

  /** Is there already; shows that the engine knows it, and what it computes. */
  async swap(signal: AbortSignal): Promise<null> {
    if (this.#present) return null;
    const { policy, version } = this.#record;
    const { timings, fleet } = this.#context;
    const listed = await this.#steps.run("verify", timings.verifyMs, signal, (inner) =>
      this.#listed(inner),
    );
    if (!listed.some((one) => one.policy === policy && one.version === version)) {
      throw new PacelineError("engine_error", `it does not list ${policy}@${version}`);
    }
    this.#proof = bestProof(fleet.get(this.#ref.worker).description.capabilities);
    if (this.#proof === "receipt") await this.#receipt(signal);
    return null;
  }

  /** New rollouts run under it from here on; the one before it leaves when it can. */
  install(): Promise<void> {
    const { ledger, leaving } = this.#context;
    const { worker, incarnation } = this.#ref;
    const { policy, version, label } = this.#record;
    if (!this.#steps.alive) throw this.#steps.gone();
    if (this.#present) return Promise.resolve();
    if (ledger.policy(policy).committedVersion !== version) {
      throw new PacelineError(
        "version_conflict",
        `${policy}@${version} is not the fleet's version`,
      );
    }
    const before = this.#before;
    const held = { policy, version, label, proof: this.#proof, load: 0, digest: null };
    ledger.prove(worker, incarnation, held);
    if (before !== undefined && before.version !== version) {
      leaving.begin(this.#ref, before, this.#adapters);
    }
    this.reopen();
    return Promise.resolve();
  }

  reopen(): void {
    this.#came();
    if (!this.#closed) return;
    this.#closed = false;
    if (this.#steps.alive) this.#context.gate.open(this.#ref.worker);
  }

  async discard(): Promise<void> {
    this.#came();
    if (!this.#loaded || !this.#steps.alive) return;
    this.#loaded = false;
    const { discardMs } = this.#context.timings;
    await this.#steps.run("stage", discardMs, never, (inner) =>
      this.#adapters.unload(this.#record, inner),
    );
  }

  /** The adapter is not believed, the weights beneath it are as they were. Whoever loads one there next removes it first. */
  poison(): Promise<void> {
    this.reopen();
    const { ledger, leaving } = this.#context;
    const { policy, version } = this.#record;
    // Not wanted any more: nobody will load this name again.
    const over = ledger.policy(policy).committedVersion !== version;
    if (over && this.#loaded && this.#steps.alive) {
      leaving.begin(this.#ref, this.#record, this.#adapters);
    }
    return Promise.resolve();
  }

  /** Holds what it computes against what others computed under the same adapter on the same base. */
  async #receipt(signal: AbortSignal): Promise<void> {
    const { fleet, timings, adapterReceipts: receipts } = this.#context;
    const { policy, version, digest } = this.#record;
    const { description } = fleet.get(this.#ref.worker);
    const base = this.#base;
    const adapter = { version, base: base.policy };
    const canary = await this.#steps.run("canary", timings.canaryMs, signal, (inner) =>
      receipts.ask(this.#steps.engine, description, { policy, adapter }, inner),
    );
    const content = { policy: `${policy} on ${base.policy}@${base.version}`, digest };
    const verdicts = receipts.judge(content, this.#ref, description, canary);
    for (const [other, { incarnation }] of verdicts) {
      if (other !== this.#ref.worker) this.#context.ledger.release(other, incarnation, policy);
    }
    const mine = verdicts.get(this.#ref.worker);
    if (mine !== undefined) throw new PacelineError("engine_error", mine.reason);
  }

  #came(): void {
    if (!this.#takesRoom) return;
    this.#takesRoom = false;
    this.#context.rooms.came(this.#ref.incarnation, this.#record);
  }

  async #load(signal: AbortSignal): Promise<void> {
    const { policy, version } = this.#record;
    await this.#adapters.load({ policy, version, path: pathOf(this.#record) }, signal);
    this.#loaded = true;
  }

  /** Adapters of ours that nobody has proved and nobody waits for: a former server left them there. */
  async #clear(signal: AbortSignal): Promise<void> {
    const { ledger, leaving, rooms } = this.#context;
    const { worker, incarnation } = this.#ref;
    const holds = ledger.holds(worker, incarnation);
    const ours = new Set(
      ledger.policies().flatMap(({ kind, policy }) => (kind === "lora" ? policy : [])),
    );
    for (const one of await this.#listed(signal)) {
      if (!ours.has(one.policy)) continue;
      const proved = holds.some((held) => isSame(held, one));
      if (proved || leaving.has(this.#ref, one) || rooms.arrival(incarnation, one) !== null) {
        continue;
      }
      await this.#adapters.unload(one, signal);
    }
  }

  async #listed(signal: AbortSignal): Promise<readonly HeldReport[]> {
    const { weights } = this.#steps.engine;
    const held = (await weights?.held(signal)) ?? [];
    return held.filter(({ policy }) => policy !== this.#base.policy);
  }

  get #room(): number {
    const { weights } = this.#context.fleet.get(this.#ref.worker).description.capabilities;
    return weights.adapters ?? 0;
  }

  get #adapters(): EngineAdapters {
    const adapters = this.#steps.engine.weights?.adapters;
    if (adapters !== undefined) return adapters;
    throw new PacelineError("unsupported", `${this.#ref.worker} takes no adapters`);
  }

  /** What it holds of this adapter so far. */
  get #before(): HeldVersion | undefined {
    return this.#holds(this.#record.policy);
  }

  get #base(): HeldVersion {
    const { base } = this.#context.ledger.policy(this.#record.policy);
    const held = base === null ? undefined : this.#holds(base);
    if (held !== undefined) return held;
    throw new PacelineError("version_unavailable", `${this.#ref.worker} has not proved ${base}`);
  }

  #holds(name: string): HeldVersion | undefined {
    const { worker, incarnation } = this.#ref;
    return this.#context.ledger.holds(worker, incarnation).find(({ policy }) => policy === name);
  }
}

const isSame = (
  a: Pick<HeldReport, "policy" | "version">,
  b: Pick<HeldReport, "policy" | "version">,
): boolean => a.policy === b.policy && a.version === b.version;
