import type { HeldVersion } from "../contract/policy.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { Ledger } from "../policy/ledger.ts";

export interface HolderSources {
  readonly fleet: Pick<Fleet, "list">;
  readonly ledger: Pick<Ledger, "holds">;
}

/** Each worker's proven version of a policy. */
export function holdersOf(
  { fleet, ledger }: HolderSources,
  policy: string,
): { readonly worker: string; readonly held: HeldVersion }[] {
  return fleet.list().flatMap((worker) =>
    ledger
      .holds(worker.id, worker.description.incarnation)
      .filter((held) => held.policy === policy)
      .map((held) => ({ worker: worker.id, held })),
  );
}
