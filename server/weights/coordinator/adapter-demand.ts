/**
 * Adapters that are loaded because a rollout needs them: more of them than an engine has room for take turns. Whoever waits for
 * the same one on the same worker waits for one load; one that failed is not tried again at once, so that rollouts go elsewhere
 * or end. No load begins while an update has the worker closed, and an update waits for those that run.
 */
import { unlessAborted } from "../../contract/abort.ts";
import { PacelineError } from "../../contract/errors.ts";
import type { HeldVersion } from "../../contract/policy.ts";
import type { AdaptersPort } from "../../placement/adapters-port.ts";
import type { VersionRecord } from "../../policy/ledger.ts";
import { AdapterUpdate } from "./adapter-update.ts";
import type { MemberRef } from "./core/events.ts";
import type { UpdateGate } from "./gate.ts";
import type { UpdateContext } from "./update-context.ts";

export interface AdapterDemand extends AdaptersPort {
  readonly gate: UpdateGate;
  /** Whether an adapter is being loaded there for a rollout. */
  concerns(worker: string): boolean;
  lost(ref: MemberRef): void;
}

interface Failure {
  readonly error: PacelineError;
  readonly count: number;
  /** Clock time. */
  readonly until: number;
}

interface Life {
  readonly loads: Map<string, Promise<HeldVersion>>;
  /** By adapter, those of its last load. */
  readonly failures: Map<string, Failure>;
}

/** `context`: asked for once the first rollout comes. `closing`: nothing is loaded any more. */
export function createAdapterDemand(
  gate: UpdateGate,
  context: () => UpdateContext,
  closing: AbortSignal,
): AdapterDemand {
  /** By worker; of its present life. */
  const lives = new Map<string, { readonly incarnation: string } & Life>();
  /** Life of each worker that an update has closed: the next one is not. */
  const closed = new Map<string, string>();

  function lifeOf({ worker, incarnation }: MemberRef): Life {
    const known = lives.get(worker);
    if (known?.incarnation === incarnation) return known;
    const made = { incarnation, loads: new Map(), failures: new Map() };
    lives.set(worker, made);
    return made;
  }

  function load(ref: MemberRef, record: VersionRecord): Promise<HeldVersion> {
    const { loads, failures } = lifeOf(ref);
    const { clock, timings } = context();
    const name = `${record.policy}@${record.version}`;
    const running = loads.get(name);
    if (running !== undefined) return running;
    const failure = failures.get(record.policy);
    if (failure?.error.details["adapter"] === name && clock.now() < failure.until)
      throw failure.error;
    const made = bring(ref, record)
      .catch((thrown: unknown) => {
        const error = refused(ref, name, PacelineError.from(thrown));
        const count = failure?.error.details["adapter"] === name ? failure.count + 1 : 1;
        const ms = Math.min(timings.backoffMs * 2 ** (count - 1), timings.backoffMaxMs);
        failures.set(record.policy, { error, count, until: clock.now() + ms });
        throw error;
      })
      .finally(() => loads.delete(name));
    loads.set(name, made);
    return made;
  }

  async function bring(ref: MemberRef, record: VersionRecord): Promise<HeldVersion> {
    const { timings, observe } = context();
    const update = new AdapterUpdate(context(), record, ref);
    await update.stage(timings.stageMs, closing);
    try {
      await update.swap(closing);
      await update.install();
    } catch (thrown) {
      await update.poison().catch((also: unknown) => {
        const { policy, version } = record;
        observe({ type: "trouble", policy, version, error: PacelineError.from(also) });
      });
      throw thrown;
    }
    lifeOf(ref).failures.delete(record.policy);
    const held = holds(ref, record);
    if (held !== null) return held;
    throw new PacelineError("version_unavailable", `${ref.worker} was updated meanwhile`);
  }

  function holds(
    { worker, incarnation }: MemberRef,
    { policy, version }: Pick<VersionRecord, "policy" | "version">,
  ): HeldVersion | null {
    const all = context().ledger.holds(worker, incarnation);
    return all.find((one) => one.policy === policy && one.version === version) ?? null;
  }

  async function ready(
    ref: MemberRef,
    adapter: Pick<VersionRecord, "policy" | "version">,
    signal: AbortSignal,
  ): Promise<HeldVersion | null> {
    const { ledger, leaving } = context();
    const { worker, incarnation } = ref;
    const { policy, version } = adapter;
    const held = holds(ref, adapter);
    if (held !== null) return held;
    // A newer version has replaced it since the grant; it leaves behind its last rollout.
    if (leaving.has(ref, adapter)) return ledger.proved(worker, incarnation, policy, version);
    if (ledger.policy(policy).committedVersion !== version) {
      throw new PacelineError("version_unavailable", `${worker} holds no ${policy}@${version}`);
    }
    if (closed.get(worker) === incarnation) return null;
    return unlessAborted(load(ref, ledger.version(policy, version)), signal, "the attempt");
  }

  return {
    enter({ worker, incarnation, version }, policy) {
      const { ledger, rooms } = context();
      if (ledger.policy(policy).kind !== "lora") return null;
      const leave = rooms.enter(incarnation, { policy, version });
      return {
        leave,
        ready: (signal) => ready({ worker, incarnation }, { policy, version }, signal),
      };
    },
    concerns: (worker) => (lives.get(worker)?.loads.size ?? 0) > 0,
    lost({ worker, incarnation }) {
      if (lives.get(worker)?.incarnation === incarnation) lives.delete(worker);
    },
    gate: {
      async close(worker, incarnation, how) {
        closed.set(worker, incarnation);
        const emptied = await gate.close(worker, incarnation, how);
        await Promise.allSettled(lives.get(worker)?.loads.values() ?? []);
        return emptied;
      },
      open(worker) {
        closed.delete(worker);
        gate.open(worker);
      },
      drain: (...args) => gate.drain(...args),
      longestGraceMs: (graceMs) => gate.longestGraceMs(graceMs),
      spareShare: (workers) => gate.spareShare(workers),
    },
  };
}

/** An adapter that does not fit is no fault of the rollout's, and another worker may take it. */
function refused({ worker }: MemberRef, adapter: string, error: PacelineError): PacelineError {
  const { code, message } = error;
  return new PacelineError("version_unavailable", `${worker} did not load ${adapter}: ${message}`, {
    details: { adapter, cause: code },
    cause: error,
  });
}
