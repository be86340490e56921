/**
 * KV that sessions keep to themselves. A turn with `cache.reuse: session` gets a namespace of its session's own,
 * which outlives updates: what it makes on older KV is told as `mixed`. Only where the engine tells that; elsewhere
 * the turn reuses what any other would. Once the session is over its KV goes, wherever it is.
 */
import type { Logger } from "pino";
import type { EngineRequest } from "../../adapters/engine.ts";
import type { Clock } from "../contract/clock.ts";
import { PacelineError } from "../contract/errors.ts";
import { sessionNamespace } from "../contract/policy.ts";
import { type Rollout, sessionKey } from "../contract/rollout.ts";
import type { Capabilities } from "../contract/worker.ts";
import { withDeadline } from "../fleet/deadline.ts";
import type { Fleet } from "../fleet/fleet.ts";

/** Nobody waits for it: an engine that does not answer frees its memory as it needs it. */
const DROP_MS = 5_000;

/** The place of an attempt. */
interface Place {
  readonly worker: string;
  readonly incarnation: string;
  readonly capabilities: Capabilities;
  /** KV of this policy, version and load. */
  readonly namespace: string;
}

interface Cache extends Pick<Place, "worker" | "incarnation" | "namespace"> {}

export interface SessionCaches {
  /** Whose KV an attempt may reuse there. */
  scope(rollout: Rollout, place: Place): Pick<EngineRequest, "cacheNamespace" | "cacheCarried">;
  /** The session is over: its KV goes. */
  drop(session: string): void;
}

export function createSessionCaches(
  fleet: Pick<Fleet, "engine">,
  clock: Clock,
  log: Pick<Logger, "warn">,
): SessionCaches {
  /** By session, then by place. */
  const used = new Map<string, Map<string, Cache>>();

  const dropOne = async ({ worker, incarnation, namespace }: Cache): Promise<void> => {
    const control = fleet.engine(worker, incarnation)?.control;
    await withDeadline(clock, DROP_MS, `${worker}: drop a session's cache`, async (signal) =>
      control?.dropCache?.(namespace, signal),
    );
  };

  return {
    scope(rollout, { worker, incarnation, capabilities, namespace: shared }) {
      const { session, want } = rollout;
      const carried =
        rollout.cacheReuse === "session" &&
        session !== null &&
        capabilities.sessionCache &&
        // A prompt's logprobs are of one version: there is no word for mixed ones.
        want.promptLogprobs === null;
      if (!carried) return { cacheNamespace: shared, cacheCarried: false };
      const key = sessionKey(rollout.job, session.id);
      const namespace = sessionNamespace(rollout.policy, key);
      const places = used.get(key) ?? new Map<string, Cache>();
      used.set(key, places);
      places.set(`${incarnation} ${namespace}`, { worker, incarnation, namespace });
      return { cacheNamespace: namespace, cacheCarried: true };
    },
    drop(session) {
      const places = used.get(session);
      used.delete(session);
      for (const cache of places?.values() ?? []) {
        dropOne(cache).catch((thrown: unknown) => {
          const { code, message } = PacelineError.from(thrown);
          log.warn({ worker: cache.worker, session, code, msg: message }, "cache not dropped");
        });
      }
    },
  };
}
