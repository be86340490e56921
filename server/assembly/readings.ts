/** What the gauges read when they are scraped. */
import type { Fleet } from "../fleet/fleet.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { Ledger } from "../policy/ledger.ts";
import type { SideStore } from "../rollouts/side-store.ts";
import type { Scheduler } from "../scheduler/events.ts";
import type { Spool } from "../spool/spool.ts";
import type { Readings } from "../telemetry/metrics.ts";

export function readingsOf(
  fleet: Pick<Fleet, "list">,
  ledger: Pick<Ledger, "policies" | "holds">,
  scheduler: Pick<Scheduler, "snapshot">,
  jobs: Pick<Jobs, "distances">,
  spool: Pick<Spool, "usage"> | null,
  side: Pick<SideStore, "unwrittenBytes"> | null,
  kept: Readings["kept"],
): Readings {
  const committed = () =>
    ledger
      .policies()
      .flatMap(({ policy, committedVersion }) =>
        committedVersion === null ? [] : [{ policy, version: committedVersion }],
      );
  return {
    queueDepth: () => scheduler.snapshot().waiting,
    regime: () => scheduler.snapshot().regime,
    sessions: () => scheduler.snapshot().sessions,
    inflight: () => scheduler.snapshot().running,
    workersByState() {
      const states: Record<string, number> = {};
      for (const { state } of fleet.list()) states[state] = (states[state] ?? 0) + 1;
      return states;
    },
    committedVersions: committed,
    workerVersions() {
      const fleetVersion = new Map(committed().map(({ policy, version }) => [policy, version]));
      return fleet.list().flatMap(({ id, description }) =>
        ledger.holds(id, description.incarnation).map(({ policy, version }) => ({
          worker: id,
          policy,
          version,
          lag: (fleetVersion.get(policy) ?? version) - version,
        })),
      );
    },
    kvUsed: () =>
      fleet
        .list()
        .flatMap(({ id, load }) =>
          load === null || load.kvTotalTokens === 0
            ? []
            : [{ worker: id, ratio: load.kvUsedTokens / load.kvTotalTokens }],
        ),
    distances: () => jobs.distances(),
    spool: () => spool && { ...spool.usage, unwritten: side?.unwrittenBytes ?? 0 },
    kept,
  };
}
