/** One server, put together: the only place that knows all parts. */
import type { Logger } from "pino";
import { createReadPacing } from "../../adapters/read-pacing.ts";
import { createEngine } from "../../adapters/registry.ts";
import { createOverviewReader } from "../api/dashboard/overview-reader.ts";
import { createDialects, type Mounted } from "../api/dialects/dialects.ts";
import { dialectOf } from "../api/dialects/registry.ts";
import { createGrpcFront } from "../api/grpc/front.ts";
import { createHttpFront } from "../api/http/front.ts";
import { adapterDigest } from "../checkpoint/adapter.ts";
import { contentDigest } from "../checkpoint/digest.ts";
import { type Config, isLoopback } from "../config.ts";
import type { Clock, Random } from "../contract/clock.ts";
import { PacelineError } from "../contract/errors.ts";
import { ENGINE_KINDS } from "../contract/worker.ts";
import type { Registration } from "../fleet/fleet.ts";
import { createFleet } from "../fleet/live-fleet.ts";
import { registerStatic } from "../fleet/static-workers.ts";
import { type ChildCommand, createSupervisor } from "../fleet/supervisor.ts";
import { createJobs } from "../jobs/jobs.ts";
import { createHistoryKeeper } from "../placement/history-keeper.ts";
import { createPlacementOwner } from "../placement/owner.ts";
import { createWorkerControl } from "../placement/worker-control.ts";
import { createLedger } from "../policy/durable-ledger.ts";
import { createRollouts } from "../rollouts/rollouts.ts";
import { createSessionCaches } from "../rollouts/session-caches.ts";
import { policyTokenizer } from "../rollouts/text.ts";
import { createSessions } from "../sessions/sessions.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { openSqliteStore } from "../store/sqlite-store.ts";
import { createLifeCycle } from "../telemetry/life-cycle.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { createTraces, type Traces } from "../telemetry/traces.ts";
import { createTokenizers } from "../text/tokenizer.ts";
import { loadable } from "../weights/coordinator/assignments.ts";
import { createPublisher } from "../weights/coordinator/publisher.ts";
import { createStandstills } from "../weights/coordinator/standstills.ts";
import { engineOptions } from "./engine-options.ts";
import { createEntrance } from "./entrance.ts";
import {
  countErrors,
  observeControl,
  observeFleet,
  observeGroups,
  observeLedger,
  observeRegime,
  observeRollouts,
  observeSessions,
  observeSummaries,
  observeUpdates,
} from "./observers.ts";

import { readinessOf } from "./readiness.ts";
import { readingsOf } from "./readings.ts";
import { createLiveScheduler } from "./recorder.ts";
import { openServerSpool, sideStoreOf } from "./spool.ts";
import { traced } from "./traced.ts";

export interface ServerParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** How an embedded worker process is started. */
  readonly child: ChildCommand;
}

export interface RunningServer {
  readonly http: string;
  readonly grpcPort: number;
  readonly dialects: readonly Mounted[];
  /** Pids of the supervised workers, by id. */
  workerPids(): ReadonlyMap<string, number>;
  /** Reads tokens and certificates again; what cannot be read leaves the former in force, and is logged. */
  reload(): void;
  /** Takes nothing new, lets rollouts end within `drain_ms`, then ends everything. */
  stop(): Promise<void>;
}

const VERSION = "0.1.0";
const CLOSE_GRACE_MS = 5_000;

export async function startServer({
  config,
  clock,
  random,
  log,
  child,
}: ServerParts): Promise<RunningServer> {
  const entrance = await createEntrance(config, clock, log);
  const store =
    config.store === "memory"
      ? createMemoryStore()
      : await openSqliteStore(config.store, { clock });
  const spool = await openServerSpool(config, clock, log);
  const ledger = await createLedger(store, clock);
  const lifeCycle = createLifeCycle(clock);
  observeLedger(ledger, lifeCycle);
  const pacing = createReadPacing(clock, config.unread_ms);
  const fleet = createFleet({
    clock,
    random,
    createEngine: (kind, url, keys) =>
      createEngine(kind, url, engineOptions(kind, config, pacing, keys)),
    options: { leaseMs: config.lease_ms, probeMs: config.probe_ms, telemetryMs: config.probe_ms },
    observe: observeFleet(lifeCycle, log, clock),
    leftStanding: (incarnation) => standstills.left(incarnation),
  });
  const { scheduler, save } = createLiveScheduler(config.scheduler, clock, random, config.record);
  const keeper = createHistoryKeeper(store, clock, (error) =>
    log.error({ code: error.code, reason: error.message }, "histories"),
  );
  const owner = createPlacementOwner({
    ...{ scheduler, fleet, ledger, clock, epoch: 1 },
    histories: await keeper.load(),
    loadable: (worker, held) => loadable(ledger, worker, held),
    learned: keeper.keep,
    regime: observeRegime(lifeCycle, log),
    cachesUntold: (worker, { code, message }) =>
      log.warn({ worker, code, reason: message }, "cache events"),
  });
  const jobs = await createJobs({
    store,
    clock,
    ledger,
    fleet,
    scheduled: () => scheduler.snapshot().jobs,
    applied: (job, { weight, quota: { maxRunning }, updateGraceMs }) =>
      owner.declare(job, { weight, maxRunning, updateGraceMs }),
    made: () => rollouts.made(),
    summarised: (job, summary) => summaries.job(job, summary),
    failed: (error) => log.error({ code: error.code, reason: error.message }, "jobs"),
  });
  const sideStore = sideStoreOf(spool, config, hex(random), (fate, error) => {
    metrics.sideParts.inc({ fate });
    if (error) log.warn({ code: error.code, reason: error.message }, "side data not stored");
  });
  const metrics = createMetrics(
    readingsOf(fleet, ledger, scheduler, jobs, spool, sideStore, () => rollouts.kept()),
  );
  const summaries = observeSummaries(metrics, lifeCycle, log);
  const grouped = observeGroups(metrics);
  const caches = createSessionCaches(fleet, clock, log);
  const sessionEnded = observeSessions(lifeCycle);
  const sessions = createSessions(clock, { ttlMs: config.session_ttl_ms }, (key, session, how) => {
    owner.finishSession(key);
    caches.drop(key);
    sessionEnded(session, how);
  });
  const traces = await openTraces(config.traces_url, clock, log);
  const reports = observeRollouts(
    metrics,
    lifeCycle,
    (policy) => ledger.policy(policy).committedVersion,
  );
  const observer = traces === null ? reports : traced(reports, traces);
  const tokenizers = createTokenizers();
  const tokenizer = (policy: string) => policyTokenizer(policy, ledger, tokenizers);
  const rollouts = createRollouts(
    {
      ...{
        clock,
        placement: owner,
        fleet,
        ledger,
        jobs,
        sessions,
        caches,
        tokenizer,
        log,
        observer,
      },
      adapters: { enter: (grant, policy) => publisher.enter(grant, policy) },
      sideStore,
    },
    {
      stuckMs: config.stuck_ms,
      detachMs: config.detach_ms,
      resultTtlMs: config.result_ttl_ms,
      sideInlineBytes: config.side_inline_bytes,
    },
  );
  const observe = observeUpdates(metrics, lifeCycle, log);
  // Nobody registers before it is there.
  const standstills = await createStandstills({ store, fleet, clock, observe });
  const publisher = createPublisher({
    ledger,
    fleet,
    gate: owner,
    digest: (path, kind) => (kind === "lora" ? adapterDigest(path) : contentDigest(path)),
    clock,
    random,
    observe,
    standstills,
  });
  const supervisor = createSupervisor({
    clock,
    random,
    log,
    child,
    onReady: ({ id, url }) => fleet.register({ id, url, engine: "embedded" }),
    onExit: (id, reason) => fleet.lose(id, reason),
  });

  const state = { draining: false };
  const readiness = readinessOf(fleet, ledger, lifeCycle, state);
  const failed = countErrors(metrics);
  const audit = observeControl(lifeCycle, log);
  const { gate, certificates } = entrance;
  const mint = {
    id: () => `r-${hex(random)}${hex(random)}${hex(random)}`,
    seed: () => random.u32() * 2 ** 21 + (random.u32() >>> 11),
    job: (job: string) => jobs.settings(job),
  };
  const page = createOverviewReader({ clock, fleet, ledger, snapshot: () => scheduler.snapshot() });
  const control = createWorkerControl({ fleet, owner });
  const dialects = createDialects({
    mounts: config.dialects.map(({ job, routed_experts: routedExperts = null, ...mount }) => ({
      ...{ ...mount, routedExperts, job: job ?? config.job },
    })),
    dialectOf,
    rollouts,
    sessions,
    fleet,
    ledger,
    publisher,
    jobs,
    control,
    mint,
    tokenizerOf: tokenizer,
    metrics,
    clock,
    gate,
    audit,
    certificates,
    failed,
    log,
  });
  const http = createHttpFront({
    extend: dialects.extend,
    rollouts,
    sessions,
    summarised: summaries.many,
    grouped,
    fleet,
    ledger,
    publisher,
    jobs,
    control,
    lifeCycle,
    mint,
    clock,
    gate,
    audit,
    certificates,
    failed,
    log,
    readiness: () => readiness.now(),
    metrics,
    overview: () => page.read(),
    options: { version: VERSION },
  });
  const grpc = createGrpcFront({
    rollouts,
    summarised: summaries.many,
    grouped,
    mint,
    control: { fleet, ledger, publisher, control, jobs },
    readiness,
    clock,
    gate,
    audit,
    certificates,
    log,
    failed,
  });

  const { port } = await http.listen(config.host, config.port);
  const { port: grpcPort } = await grpc.listen(config.host, config.grpc_port);
  const mounted = await dialects.listen(config.host);
  const url = `${certificates === null ? "http" : "https"}://${config.host.includes(":") ? `[${config.host}]` : config.host}:${port}`;
  if (certificates === null && !isLoopback(config.host)) {
    log.warn({ host: config.host }, "tokens travel in the clear unless something else encrypts");
  }
  log.info({ http: url, grpc: `${config.host}:${grpcPort}` }, "serving");
  for (const mount of mounted) log.info({ ...mount }, "dialect");

  const statics = registerStatic(config.static_workers.map(staticWorker), {
    fleet,
    clock,
    random,
    failed: ({ url }, error, retryMs) =>
      log.warn(
        { url, code: error.code, reason: error.message, retry_ms: retryMs },
        "static worker",
      ),
  });
  if (config.engine === "embedded") {
    await bootstrapPolicy();
    supervisor.start(Array.from({ length: config.workers }, (_, i) => `w-${i + 1}`));
  }

  /** The first start publishes the model as version 1; a later one finds what was committed. */
  async function bootstrapPolicy(): Promise<void> {
    const known = ledger.policies().find(({ policy }) => policy === config.policy);
    if (known !== undefined && known.committedVersion !== null) return;
    const { run } = known ?? (await ledger.declare({ policy: config.policy }));
    const { version } = await publisher.publish({
      policy: config.policy,
      source: { path: config.model },
      // No worker is there yet that a quorum or a wave could be made of.
      commit: { mode: "all" },
      // A run that was opened before anything was committed: this is its first version.
      ...(run === null ? {} : { runEpoch: run.epoch }),
    });
    await publisher.committed(config.policy, version.version);
  }

  async function stop(): Promise<void> {
    state.draining = true;
    log.info({ drain_ms: config.drain_ms }, "draining");
    await rollouts.drain(config.drain_ms);
    page.close();
    entrance.close();
    await Promise.all([http.close(), dialects.close(), grpc.close(CLOSE_GRACE_MS)]);
    statics.close();
    await publisher.close();
    owner.retire();
    sessions.stop();
    await save();
    await supervisor.stop(CLOSE_GRACE_MS);
    await fleet.close();
    await keeper.close();
    await store.close();
    await spool?.close();
    metrics.close();
    await traces?.close();
    log.info("stopped");
  }

  return {
    http: url,
    grpcPort,
    dialects: mounted,
    workerPids: () => supervisor.pids(),
    reload: () => entrance.reload(),
    stop,
  };
}

async function openTraces(url: string, clock: Clock, log: Logger): Promise<Traces | null> {
  if (url === "") return null;
  const dropped = (error: Error, spans: number): void =>
    log.warn({ url, spans, reason: error.message }, "traces were not sent");
  return createTraces({ url, version: VERSION, clock, dropped });
}

function hex(random: Random): string {
  return random.u32().toString(16).padStart(8, "0");
}

/** `kind=url`, as the setting has it. */
function staticWorker(text: string): Registration {
  const [kind, url] = splitOnce(text, "=");
  const engine = ENGINE_KINDS.find((known) => known === kind);
  if (engine !== undefined) return { url, engine };
  const expected = ENGINE_KINDS.map((known) => `${known}=URL`).join(", ");
  throw new PacelineError("invalid_argument", `static worker ${text}: expected ${expected}`, {
    details: { path: "static_workers" },
  });
}

function splitOnce(text: string, at: string): [string, string] {
  const index = text.indexOf(at);
  return index < 0 ? [text, ""] : [text.slice(0, index), text.slice(index + 1)];
}
