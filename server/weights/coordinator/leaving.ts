/** Adapters that a newer version has replaced: each leaves its engine once the last rollout under it has ended there. */
import type { EngineAdapters } from "../../../adapters/engine.ts";
import { PacelineError } from "../../contract/errors.ts";
import type { HeldReport } from "../../contract/policy.ts";
import type { MemberRef } from "./core/events.ts";
import type { ObserveUpdates } from "./observation.ts";

type Adapter = Pick<HeldReport, "policy" | "version">;

export interface Leaving {
  begin(ref: MemberRef, adapter: Adapter, adapters: EngineAdapters): void;
  has(ref: MemberRef, adapter: Adapter): boolean;
  /** Resolves when none is left that was leaving. */
  over(ref: MemberRef): Promise<void>;
  /** Resolves when one of them is gone; null: none is leaving. */
  next(ref: MemberRef): Promise<void> | null;
}

/** `closing`: nobody waits any more. */
export function createLeaving(observe: ObserveUpdates, closing: AbortSignal): Leaving {
  /** By life of a worker, then by name. */
  const lives = new Map<string, Map<string, Promise<void>>>();
  const nameOf = ({ policy, version }: Adapter): string => `${policy}@${version}`;

  return {
    begin({ incarnation }, adapter, adapters) {
      const life = lives.get(incarnation) ?? new Map<string, Promise<void>>();
      lives.set(incarnation, life);
      const name = nameOf(adapter);
      const gone = adapters
        .unload(adapter, closing)
        .catch((thrown: unknown) => {
          // What stays there is found and removed with the next adapter that is put there.
          const { policy, version } = adapter;
          if (!closing.aborted) {
            observe({ type: "trouble", policy, version, error: PacelineError.from(thrown) });
          }
        })
        .finally(() => {
          life.delete(name);
          if (life.size === 0 && lives.get(incarnation) === life) lives.delete(incarnation);
        });
      life.set(name, gone);
    },
    has: ({ incarnation }, adapter) => lives.get(incarnation)?.has(nameOf(adapter)) ?? false,
    next({ incarnation }) {
      const going = lives.get(incarnation);
      return going === undefined ? null : Promise.race(going.values());
    },
    async over({ incarnation }) {
      await Promise.all(lives.get(incarnation)?.values() ?? []);
    },
  };
}
