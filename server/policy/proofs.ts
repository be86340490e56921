/** Who proved to hold what (I3). In memory only: a proof is worth no more than the process that saw it. */
import type { BaseWeights, HeldVersion } from "../contract/policy.ts";
import { LIMITS } from "../limits.ts";

interface WorkerProofs {
  readonly incarnation: string;
  /** By policy. */
  readonly current: Map<string, HeldVersion>;
  /** Everything proved in this incarnation, oldest first: tokens made before an update arrive after it. */
  readonly past: Map<string, HeldVersion[]>;
  holds: readonly HeldVersion[];
}

export type HoldsListener = (
  worker: string,
  incarnation: string,
  holds: readonly HeldVersion[],
) => void;

export interface Proofs {
  holds(worker: string, incarnation: string): readonly HeldVersion[];
  proved(worker: string, incarnation: string, policy: string, version: number): HeldVersion | null;
  /** Adapters on the policy lie on this version of it from now on. */
  prove(worker: string, incarnation: string, held: HeldVersion): void;
  release(worker: string, incarnation: string, policy: string): void;
  forget(worker: string, incarnation: string): void;
}

export function createProofs(tell: HoldsListener): Proofs {
  const workers = new Map<string, WorkerProofs>();
  const find = (worker: string, incarnation: string): WorkerProofs | null => {
    const found = workers.get(worker);
    return found?.incarnation === incarnation ? found : null;
  };
  const forget = (worker: string, incarnation: string): void => {
    const found = find(worker, incarnation);
    if (found === null || found.current.size === 0) return;
    // What it proved stays on record: tokens made before its death or poisoning are still rightly its.
    found.current.clear();
    found.holds = [];
    tell(worker, incarnation, []);
  };

  return {
    forget,
    release(worker, incarnation, policy) {
      const found = find(worker, incarnation);
      if (!found?.current.delete(policy)) return;
      found.holds = [...found.current.values()];
      tell(worker, incarnation, found.holds);
    },
    holds: (worker, incarnation) => find(worker, incarnation)?.holds ?? [],
    proved(worker, incarnation, policy, version) {
      const past = find(worker, incarnation)?.past.get(policy);
      return past?.findLast((held) => held.version === version) ?? null;
    },
    prove(worker, incarnation, held) {
      const before = workers.get(worker);
      if (before && before.incarnation !== incarnation) forget(worker, before.incarnation);
      const entry =
        find(worker, incarnation) ??
        ({ incarnation, current: new Map(), past: new Map(), holds: [] } satisfies WorkerProofs);
      workers.set(worker, entry);
      put(entry, held);
      for (const adapter of [...entry.current.values()]) {
        if (adapter.base?.policy === held.policy) put(entry, { ...adapter, base: beneath(held) });
      }
      entry.holds = [...entry.current.values()];
      tell(worker, incarnation, entry.holds);
    },
  };
}

function put({ current, past: proved }: WorkerProofs, held: HeldVersion): void {
  current.set(held.policy, held);
  const past = proved.get(held.policy) ?? [];
  past.push(held);
  if (past.length > LIMITS.proofsKept) past.shift();
  proved.set(held.policy, past);
}

/** What an adapter lies on where this is held. */
export const beneath = ({ policy, version, load }: HeldVersion): BaseWeights => ({
  policy,
  version,
  load,
});
