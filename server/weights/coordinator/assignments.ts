/**
 * Which policy's weights a worker carries. An engine holds one full policy at a time, so a worker is
 * bound to the first that it was given and stays with it across restarts; `policies` of its registration
 * limits the choice. Adapters lie beside it, as many as its engine takes, and bind nothing.
 */
import type { Engine } from "../../../adapters/engine.ts";
import { type HeldVersion, isWeaker, type Proof } from "../../contract/policy.ts";
import type { Capabilities } from "../../contract/worker.ts";
import type { WorkerRecord } from "../../fleet/fleet.ts";
import { LIMITS } from "../../limits.ts";
import type { Ledger, PolicyRecord } from "../../policy/ledger.ts";
import { beneath } from "../../policy/proofs.ts";
import type { AdapterRooms } from "./adapter-rooms.ts";
import { bestProof } from "./external/claims.ts";

export interface Assignments {
  /** Whether `policy` may be put on this worker now. */
  free(worker: WorkerRecord, policy: PolicyRecord): boolean;
  bind(worker: string, policy: Pick<PolicyRecord, "policy" | "kind">): void;
  /** It turned out not to be of this policy, or never came to hold it. */
  release(worker: string, policy: string): void;
}

export function createAssignments(): Assignments {
  const bound = new Map<string, string>();
  return {
    free({ id, policies }, { policy, kind }) {
      const allowed = (name: string): boolean => policies.length === 0 || policies.includes(name);
      if (!allowed(policy)) return false;
      if (kind === "lora") return true;
      const present = bound.get(id);
      // A registration that was changed frees the worker from what it may no longer serve.
      return present === undefined || present === policy || !allowed(present);
    },
    bind(worker, { policy, kind }) {
      if (kind === "lora") return;
      bound.delete(worker);
      bound.set(worker, policy);
      if (bound.size <= 2 * LIMITS.workers) return;
      for (const oldest of bound.keys()) {
        bound.delete(oldest);
        return;
      }
    },
    release(worker, policy) {
      if (bound.get(worker) === policy) bound.delete(worker);
    },
  };
}

/**
 * Why the policy's weights cannot be put on this worker by its engine; null if they can. `engine`: of this life of it.
 */
export function obstacle(
  { description: { capabilities } }: WorkerRecord,
  engine: Engine | null,
  { kind, minProof }: PolicyRecord,
): string | null {
  if (engine !== null && engine.weights === null) return "its engine loads no weights from files";
  if (kind === "lora") {
    if (roomOf(capabilities) === 0) return "its engine takes no adapters";
    return tooWeak(capabilities, minProof);
  }
  if (!capabilities.pause.includes("keep")) return "its engine cannot pause in place";
  return tooWeak(capabilities, minProof);
}

const roomOf = ({ weights }: Capabilities): number => weights.adapters ?? 0;

/**
 * Why an adapter is put there only when a rollout needs it, or when nobody else has room; null if there is room.
 * `held`: what the worker has proved.
 */
export function crowd(
  rooms: AdapterRooms,
  { description: { capabilities, incarnation } }: WorkerRecord,
  { policy, kind }: PolicyRecord,
  held: readonly HeldVersion[],
): string | null {
  if (kind !== "lora" || held.some((one) => one.policy === policy)) return null;
  const adapters = held.filter(({ base }) => base !== undefined);
  const others = adapters.length + rooms.coming(incarnation, adapters);
  if (others < roomOf(capabilities)) return null;
  return `it holds ${others} adapters already, and takes another when a rollout needs it`;
}

/** Adapters that this worker has not, and takes when a rollout needs them: the fleet's versions, as it would prove them. */
export function loadable(
  ledger: Pick<Ledger, "policies" | "version">,
  worker: WorkerRecord,
  held: readonly HeldVersion[],
): readonly HeldVersion[] {
  const { capabilities } = worker.description;
  if (roomOf(capabilities) === 0) return [];
  return ledger.policies().flatMap((record): readonly HeldVersion[] => {
    const { policy, base, committedVersion: version } = record;
    if (base === null || version === null || held.some((one) => one.policy === policy)) return [];
    const below = held.find((one) => one.policy === base);
    if (below === undefined || tooWeak(capabilities, record.minProof) !== null) return [];
    const { label } = ledger.version(policy, version);
    const proof = bestProof(capabilities);
    return [{ policy, version, label, proof, load: 0, digest: null, base: beneath(below) }];
  });
}

/** Why nobody else can put weights on this worker either; null if somebody can. */
export function obstacleToMover({ description }: WorkerRecord, minProof: Proof): string | null {
  const { capabilities } = description;
  // One that only ends what runs can be stopped once it is empty.
  const { pause } = capabilities;
  if (!pause.includes("keep") && !pause.includes("abort")) return "its engine cannot be stopped";
  return tooWeak(capabilities, minProof);
}

function tooWeak(capabilities: Capabilities, minProof: Proof): string | null {
  const best = bestProof(capabilities);
  if (!isWeaker(best, minProof)) return null;
  return `its engine can show no more than ${best}, and the policy takes ${minProof}`;
}
