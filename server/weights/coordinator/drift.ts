/**
 * Weights that changed behind our back: an engine that shows other weights than it proved, while nobody of ours works on
 * it, is poisoned; one that lost an adapter holds it no more. What a probe remembers may be older than the last update, so the engine itself is asked first.
 */
import { PacelineError } from "../../contract/errors.ts";
import type { HeldReport, HeldVersion } from "../../contract/policy.ts";
import type { WorkerRecord } from "../../fleet/fleet.ts";
import { LIMITS } from "../../limits.ts";
import { withDeadline } from "./deadline.ts";
import type { UpdateContext } from "./update-context.ts";

export interface DriftWatch {
  /** Something about this worker has changed. */
  consider(worker: WorkerRecord): void;
}

export interface DriftParts {
  readonly context: UpdateContext;
  /** Whether somebody of ours changes its weights just now. */
  readonly busy: (worker: string) => boolean;
  readonly closing: AbortSignal;
}

export function createDriftWatch({ context, busy, closing }: DriftParts): DriftWatch {
  const { ledger, fleet, clock, timings, observe } = context;
  /** Worker → what was last found good, or is being looked into. */
  const seen = new Map<string, string>();

  async function look(worker: string, incarnation: string, proved: HeldVersion): Promise<void> {
    const engine = fleet.engine(worker, incarnation);
    if (engine === null) return;
    const { held } = await withDeadline(
      clock,
      timings.verifyMs,
      `${worker}: held`,
      closing,
      (inner) => engine.probe(inner),
    );
    if (busy(worker)) return;
    const holds = ledger.holds(worker, incarnation);
    for (const adapter of holds.filter(({ base }) => base !== undefined)) {
      // It is put there again; what runs under it fails by itself.
      if (!shows(held, adapter)) ledger.release(worker, incarnation, adapter.policy);
    }
    if (!holds.includes(proved) || shows(held, proved)) return;
    const { policy, version, load } = proved;
    fleet.mark(
      worker,
      incarnation,
      "poisoned",
      `it holds ${named(held)} and proved ${policy}@${version}#${load}: replaced behind our back`,
    );
  }

  return {
    consider({ id, state, description: { incarnation, held, asleep } }) {
      if (state === "lost") seen.delete(id);
      if (state === "lost" || state === "poisoned" || asleep || busy(id)) return;
      const holds = ledger.holds(id, incarnation);
      const proved = holds.find(({ base }) => base === undefined);
      if (proved === undefined) return;
      const now = JSON.stringify([
        incarnation,
        held,
        holds.map(({ policy, version, load }) => [policy, version, load]),
      ]);
      if (seen.get(id) === now) return;
      seen.delete(id);
      seen.set(id, now);
      for (const oldest of seen.keys()) {
        if (seen.size <= 2 * LIMITS.workers) break;
        seen.delete(oldest);
      }
      if (holds.every((one) => shows(held, one))) return;
      look(id, incarnation, proved).catch((thrown: unknown) => {
        // Not answered: it is asked again with the next news of it.
        seen.delete(id);
        const { policy, version } = proved;
        observe({ type: "trouble", policy, version, error: PacelineError.from(thrown) });
      });
    },
  };
}

function shows(held: readonly HeldReport[], proved: HeldVersion): boolean {
  return held.some(
    ({ policy, version, load, digest }) =>
      policy === proved.policy &&
      version === proved.version &&
      load === proved.load &&
      (digest === null || proved.digest === null || digest === proved.digest),
  );
}

const named = (held: readonly HeldReport[]): string =>
  held.map(({ policy, version, load }) => `${policy}@${version}#${load}`).join(", ") || "nothing";
