/** Adapters that nobody wants any more. */
import { PacelineError } from "../../contract/errors.ts";
import { isUndecided } from "../../policy/version-states.ts";
import type { Publisher } from "../publisher.ts";
import type { UpdateContext } from "./update-context.ts";

export function withdrawing({ ledger, fleet, leaving }: UpdateContext): Publisher["withdraw"] {
  return async (policy) => {
    // One that is committed and not yet everywhere is given up where it is not.
    if (ledger.versions(policy).some(({ state }) => isUndecided(state))) {
      throw new PacelineError("version_conflict", `a version of ${policy} is on its way`, {
        retryAfterMs: 1_000,
      });
    }
    await ledger.withdraw(policy);
    for (const { id, description } of fleet.list()) {
      const { incarnation } = description;
      const held = ledger.holds(id, incarnation).find((one) => one.policy === policy);
      if (held === undefined) continue;
      ledger.release(id, incarnation, policy);
      const adapters = fleet.engine(id, incarnation)?.weights?.adapters;
      if (adapters !== undefined) leaving.begin({ worker: id, incarnation }, held, adapters);
    }
  };
}
