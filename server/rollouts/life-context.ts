/** What one rollout's life needs of the world around it. */
import type { Logger } from "pino";
import type { Clock } from "../contract/clock.ts";
import type { Capabilities } from "../contract/worker.ts";
import type { Fleet, WorkerRecord } from "../fleet/fleet.ts";
import type { AdaptersPort } from "../placement/adapters-port.ts";
import type { PlacementPort } from "../placement/port.ts";
import type { Ledger } from "../policy/ledger.ts";
import type { JobsPort } from "./jobs-port.ts";
import type { RolloutObserver } from "./observer.ts";
import type { Stay } from "./output.ts";
import type { SessionCaches } from "./session-caches.ts";
import type { SideSettings } from "./side-record.ts";

export interface LifeContext extends SideSettings {
  readonly clock: Clock;
  readonly placement: Pick<PlacementPort, "send">;
  readonly fleet: Pick<Fleet, "engine" | "report"> & { find(worker: string): WorkerRecord | null };
  readonly ledger: Pick<Ledger, "proved" | "holds"> & { committed(policy: string): number | null };
  readonly caches: Pick<SessionCaches, "scope">;
  readonly adapters: AdaptersPort;
  readonly jobs: Pick<JobsPort, "admits">;
  readonly observer: RolloutObserver;
  readonly log: Pick<Logger, "warn">;
  /** A stream without an event for so long is reported as stuck. Milliseconds. */
  readonly stuckMs: number;
  /** How long a stream may stay without a reader. Milliseconds. */
  readonly detachMs: number;
  /** Capabilities of a worker that has left the fleet meanwhile; null if it was never known. */
  lastCapabilities(stay: Stay | null): Capabilities | null;
}
