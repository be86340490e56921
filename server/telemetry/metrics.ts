/**
 * All metrics of a server, by the names of the public surface; one registry a server, no globals. Labels
 * are bounded: never a rollout or request id.
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { type LoopDelay, watchLoopDelay } from "./event-loop.ts";
import { createTallies } from "./tallies.ts";
import { TokenLag } from "./token-lag.ts";

const SECONDS = [0.001, 0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800];

/** Read when scraped. */
export interface Readings {
  queueDepth(): number;
  inflight(): number;
  regime(): {
    readonly regime: string;
    readonly rho: number;
    readonly sigmaErr: number;
    readonly coverage: number;
  } | null;
  sessions(): { readonly alive: number; readonly paused: number } | null;
  workersByState(): Readonly<Record<string, number>>;
  committedVersions(): readonly { readonly policy: string; readonly version: number }[];
  workerVersions(): readonly {
    readonly worker: string;
    readonly policy: string;
    readonly version: number;
    readonly lag: number;
  }[];
  kvUsed(): readonly { readonly worker: string; readonly ratio: number }[];
  /** Of declared jobs, so that labels are bounded. */
  distances(): readonly ({ readonly job: string } & Distance)[];
  kept(): { readonly rollouts: number; readonly outputTokens: number };
  /** Null: there is none. */
  spool(): { readonly bytes: number; readonly segments: number; readonly unwritten: number } | null;
}

/** How far from the bound a run is; null where not known. */
interface Distance {
  readonly ratio: number | null;
  readonly rho: number | null;
  readonly tailShare: number | null;
}

export type Metrics = ReturnType<typeof createMetrics>;

export function createMetrics(readings: Readings) {
  const registry = new Registry();
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name, help, labelNames, registers });
  const tallies = (name: string, help: string, labelNames: string[]) =>
    createTallies(registry, name, help, labelNames);
  const histogram = (name: string, help: string, labelNames: string[] = [], buckets = SECONDS) =>
    new Histogram({ name, help, labelNames, buckets, registers });

  const tokenLag = new TokenLag();
  registerGauges(registry, readings);
  const loopDelay = registerLoopDelay(registry);
  return {
    tokenLag,
    rollouts: tallies("paceline_rollouts_total", "Rollouts that ended with a Result", [
      "finish",
      "cause",
    ]),
    duration: histogram("paceline_rollout_duration_seconds", "From accept to end"),
    queue: histogram("paceline_queue_seconds", "From accept to the first placement"),
    outputTokens: tallies("paceline_output_tokens_total", "Output tokens received and checked", [
      "policy",
    ]),
    unattested: counter(
      "paceline_unattested_tokens_total",
      "Output tokens whose version nobody attests",
    ),
    kvTokens: tallies(
      "paceline_kv_tokens_total",
      "Output tokens of Results by what they attended to: KV of their own version, older KV, or nobody knows",
      ["kv"],
    ),
    stale: counter(
      "paceline_stale_tokens_total",
      "Tokens handed out beyond a lag limit; must stay 0",
    ),
    groups: counter("paceline_groups_total", "Groups by how they ended", ["ended"]),
    groupMembers: counter("paceline_group_members_total", "Members of groups by their end", [
      "end",
    ]),
    groupReplaced: counter(
      "paceline_group_replaced_total",
      "Members that failed and were replaced by another sibling",
    ),
    groupLengths: counter(
      "paceline_group_mean_tokens_total",
      "Mean lengths, summed over groups: of those kept, and of all had none been cut",
      ["of"],
    ),
    kept: counter(
      "paceline_kept_total",
      "Rollouts of many that were not needed and were kept, those asked for again, and those that ended before",
      ["what"],
    ),
    infeasible: counter(
      "paceline_infeasible_rollouts_total",
      "Rollouts that became too old for their lag limit, by what was done with them",
      ["fate"],
    ),
    wasted: counter("paceline_wasted_tokens_total", "Tokens generated and thrown away", ["reason"]),
    moves: counter("paceline_moves_total", "Rollouts that continued in another attempt", [
      "reason",
      "resume",
    ]),
    attempts: tallies("paceline_attempts_total", "Attempts by how they ended", ["outcome"]),
    errors: counter("paceline_errors_total", "Errors answered", ["code", "boundary"]),
    updateSeconds: histogram("paceline_weight_update_seconds", "Phases of a weight update", [
      "phase",
    ]),
    pauseSeconds: histogram(
      "paceline_generation_pause_seconds",
      "How long a swap held a worker still",
    ),
    sideParts: counter(
      "paceline_side_parts_total",
      "Parts of side data too large for a Result, by what became of them: stored, left in it (no_room), or in memory (failed)",
      ["fate"],
    ),
    prompts: registerPrompts(registry),
    lastMany: registerDistances(registry, readings),
    belowBound: counter(
      "paceline_below_bound_total",
      "Runs that took less than their lower bound: rates or model are wrong; must stay 0",
    ),
    contentType: registry.contentType,
    text: async () => (await registry.metrics()) + tokenLag.text(),
    close: () => loopDelay.close(),
  };
}

function registerGauges(registry: Registry, readings: Readings): void {
  const gauge = (name: string, help: string, labelNames: string[], read: (gauge: Gauge) => void) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        read(this);
      },
    });
  gauge("paceline_queue_depth", "Rollouts waiting for a place", [], (g) =>
    g.set(readings.queueDepth()),
  );
  gauge("paceline_inflight", "Rollouts running on a worker", [], (g) => g.set(readings.inflight()));
  gauge("paceline_kept_rollouts", "Rollouts kept until they are asked for again", [], (g) =>
    g.set(readings.kept().rollouts),
  );
  gauge("paceline_kept_tokens", "Output tokens of these", [], (g) =>
    g.set(readings.kept().outputTokens),
  );
  registerRegime(gauge, readings);
  registerSpool(gauge, readings);
  gauge("paceline_sessions", "Sessions that the scheduler knows, by state", ["state"], (g) => {
    const { alive, paused } = readings.sessions() ?? { alive: 0, paused: 0 };
    g.set({ state: "open" }, alive - paused);
    g.set({ state: "paused" }, paused);
  });
  gauge("paceline_workers", "Workers by state", ["state"], (g) => {
    for (const [state, count] of Object.entries(readings.workersByState())) g.set({ state }, count);
  });
  gauge("paceline_policy_committed_version", "The fleet's version", ["policy"], (g) => {
    for (const { policy, version } of readings.committedVersions()) g.set({ policy }, version);
  });
  gauge(
    "paceline_worker_version",
    "Version that a worker proved to hold",
    ["worker", "policy"],
    (g) => {
      for (const { worker, policy, version } of readings.workerVersions())
        g.set({ worker, policy }, version);
    },
  );
  gauge(
    "paceline_worker_version_lag",
    "Committed version minus a worker's",
    ["worker", "policy"],
    (g) => {
      for (const { worker, policy, lag } of readings.workerVersions())
        g.set({ worker, policy }, lag);
    },
  );
  gauge(
    "paceline_kv_used_ratio",
    "KV tokens in use over capacity, by the engine's own report",
    ["worker"],
    (g) => {
      for (const { worker, ratio } of readings.kvUsed()) g.set({ worker }, ratio);
    },
  );
}

/** Nothing where there is no spool. */
function registerSpool(
  gauge: (name: string, help: string, labels: string[], read: (gauge: Gauge) => void) => Gauge,
  { spool }: Readings,
): void {
  for (const [name, help, of] of [
    ["paceline_spool_bytes", "Bytes of the spool's files", "bytes"],
    ["paceline_spool_segments", "Files of the spool", "segments"],
    [
      "paceline_side_unwritten_bytes",
      "Side data by reference in memory: the spool has not got it yet, or could not take it",
      "unwritten",
    ],
  ] as const) {
    gauge(name, help, [], (g) => {
      const usage = spool();
      if (usage !== null) g.set(usage[of]);
    });
  }
}

/** Answers who is to be told of each call of many: it is told without a label, jobs with theirs. */
function registerDistances(registry: Registry, readings: Readings): (last: Distance) => void {
  let lastMany: Distance = { ratio: null, rho: null, tailShare: null };
  for (const [name, help, of] of DISTANCES) {
    new Gauge({
      name,
      help: `${help}, of the last call of many and of each declared job's stretch under way, else its last`,
      labelNames: ["job"],
      registers: [registry],
      collect() {
        this.reset();
        const many = of(lastMany);
        if (many !== null) this.set(many);
        for (const { job, ...distance } of readings.distances()) {
          const value = of(distance);
          if (value !== null) this.set({ job }, value);
        }
      },
    });
  }
  return (last) => {
    lastMany = last;
  };
}

const DISTANCES: readonly [name: string, help: string, of: (of: Distance) => number | null][] = [
  ["paceline_makespan_ratio", "T/LB: makespan over its lower bound", ({ ratio }) => ratio],
  ["paceline_tail_rho", "Longest rollout alone over all work over all capacity", ({ rho }) => rho],
  [
    "paceline_tail_share",
    "Share of the time in which the last tenth ended",
    ({ tailShare }) => tailShare,
  ],
];

/** Nothing where a discipline serves that knows no regimes. */
function registerRegime(
  gauge: (name: string, help: string, labels: string[], read: (gauge: Gauge) => void) => Gauge,
  { regime: read }: Readings,
): void {
  gauge("paceline_regime", "1 for how work is ordered and divided now", ["regime"], (g) => {
    const now = read();
    if (now !== null) g.set({ regime: now.regime }, 1);
  });
  const number = (name: string, help: string, of: "rho" | "sigmaErr" | "coverage"): Gauge =>
    gauge(name, help, [], (g) => {
      const now = read();
      if (now !== null) g.set(now[of]);
    });
  number(
    "paceline_rho",
    "Longest rollout alone over all work, of what is left, by forecast",
    "rho",
  );
  number(
    "paceline_prediction_sigma",
    "Root mean square error of predicted log lengths, of the last few hundred; NaN before the first",
    "sigmaErr",
  );
  number(
    "paceline_prediction_coverage",
    "Share of lengths within the bound that is to cover 0.9 of them; NaN before the first",
    "coverage",
  );
}

function registerPrompts(registry: Registry) {
  let tokens = 0;
  let cached = 0;
  new Gauge({
    name: "paceline_cached_prompt_ratio",
    help: "Prompt tokens that an engine had cached over all prompt tokens, since the start",
    registers: [registry],
    collect() {
      this.set(tokens === 0 ? 0 : cached / tokens);
    },
  });
  return {
    add(promptTokens: number, cachedTokens: number): void {
      tokens += promptTokens;
      // A resumed rollout's cache may hold its output, too.
      cached += Math.min(cachedTokens, promptTokens);
    },
  };
}

function registerLoopDelay(registry: Registry): LoopDelay {
  const delay = watchLoopDelay();
  const quantiles = [0.5, 0.99, 1];
  new Gauge({
    name: "paceline_event_loop_delay_seconds",
    help: "How late the event loop was since the last scrape, by quantile",
    labelNames: ["quantile"],
    registers: [registry],
    collect() {
      const seconds = delay.take(quantiles);
      for (const [i, quantile] of quantiles.entries()) {
        this.set({ quantile: String(quantile) }, seconds[i] ?? 0);
      }
    },
  });
  return delay;
}
