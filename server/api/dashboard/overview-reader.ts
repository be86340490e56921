/** Puts the overview together from the fleet, the ledger and the scheduler, and keeps two minutes of history. */
import type { Clock, Timer } from "../../contract/clock.ts";
import type { Fleet, WorkerRecord } from "../../fleet/fleet.ts";
import type { Ledger, PolicyRecord } from "../../policy/ledger.ts";
import type { SchedulerSnapshot } from "../../scheduler/events.ts";
import type { Overview, OverviewHistory, OverviewPolicy, OverviewWorker } from "./overview.ts";
import { TokenRate } from "./token-rate.ts";

const SAMPLE_MS = 1_000;
/** Samples kept: two minutes. */
const SAMPLES = 120;
const VERSIONS_SHOWN = 6;

export interface OverviewParts {
  readonly clock: Clock;
  readonly fleet: Pick<Fleet, "list">;
  readonly ledger: Pick<Ledger, "policies" | "versions" | "holds">;
  readonly snapshot: () => Pick<SchedulerSnapshot, "waiting" | "running" | "jobs">;
}

export interface OverviewReader {
  read(): Overview;
  close(): void;
}

interface Point {
  readonly tokens: number;
  readonly waiting: number;
  readonly running: number;
}

export function createOverviewReader(parts: OverviewParts): OverviewReader {
  const { clock, fleet, ledger, snapshot } = parts;
  const startedAt = clock.now();
  const rates = new Map<string, TokenRate>();
  const points: Point[] = [];
  let timer: Timer;

  const rateOf = (worker: WorkerRecord): number => rates.get(worker.id)?.perSecond ?? 0;

  const sample = (): void => {
    timer = clock.timer(SAMPLE_MS, sample);
    const workers = fleet.list();
    const now = clock.now();
    for (const { id, description, load } of workers) {
      const rate = rates.get(id) ?? new TokenRate();
      rates.set(id, rate);
      if (load !== null) rate.sample(now, description.incarnation, load.outputTokens);
    }
    const present = new Set(workers.map(({ id }) => id));
    for (const id of rates.keys()) if (!present.has(id)) rates.delete(id);
    const { waiting, running } = snapshot();
    points.push({ tokens: sum(workers.map(rateOf)), waiting, running });
    if (points.length > SAMPLES) points.shift();
  };
  sample();

  return {
    read() {
      const workers = fleet.list();
      const { waiting, running, jobs } = snapshot();
      return {
        now_ms: clock.wall(),
        uptime_ms: clock.now() - startedAt,
        tokens_per_second: sum(workers.map(rateOf)),
        waiting,
        running,
        jobs,
        workers: workers.map((worker) => overviewWorker(worker, ledger, rateOf(worker))),
        policies: ledger.policies().map((policy) => overviewPolicy(policy, ledger, workers)),
        history: historyOf(points),
      };
    },
    close: () => timer.cancel(),
  };
}

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);

function overviewWorker(
  worker: WorkerRecord,
  ledger: Pick<Ledger, "holds">,
  tokensPerSecond: number,
): OverviewWorker {
  const { description, load } = worker;
  const kvTokens = sum(description.slots.map((slot) => slot.kvTokens));
  return {
    id: worker.id,
    engine: worker.engine,
    pool: worker.pool,
    model: description.model,
    state: worker.state,
    reason: worker.reason,
    versions: ledger
      .holds(worker.id, description.incarnation)
      .map(({ policy, version, proof }) => ({ policy, version, proof })),
    running: load?.running ?? 0,
    waiting: load?.waiting ?? 0,
    kv_used_tokens: load?.kvUsedTokens ?? 0,
    kv_total_tokens: load?.kvTotalTokens ?? kvTokens,
    tokens_per_second: tokensPerSecond,
  };
}

function overviewPolicy(
  record: PolicyRecord,
  ledger: Pick<Ledger, "versions" | "holds">,
  workers: readonly WorkerRecord[],
): OverviewPolicy {
  const held = workers.flatMap(({ id, description }) =>
    ledger.holds(id, description.incarnation).filter(({ policy }) => policy === record.policy),
  );
  return {
    policy: record.policy,
    committed_version: record.committedVersion,
    on_update: record.onUpdate,
    run: record.run && { run: record.run.run, epoch: record.run.epoch },
    versions: [...ledger.versions(record.policy)]
      .sort((a, b) => b.version - a.version)
      .slice(0, VERSIONS_SHOWN)
      .map(({ version, state, label, digest, createdAt }) => ({
        version,
        state,
        label,
        digest,
        created_at_ms: createdAt,
        holders: held.filter((one) => one.version === version).length,
      })),
  };
}

const historyOf = (points: readonly Point[]): OverviewHistory => ({
  interval_ms: SAMPLE_MS,
  tokens_per_second: points.map(({ tokens }) => tokens),
  waiting: points.map(({ waiting }) => waiting),
  running: points.map(({ running }) => running),
});
