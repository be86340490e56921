/** Stand-ins for what a front is given beside rollouts: small, honest, told what to answer. */
import type { ControlParts } from "../../server/api/grpc/control-methods.ts";
import { PacelineError } from "../../server/contract/errors.ts";
import type { HeldVersion } from "../../server/contract/policy.ts";
import type { Fleet, WorkerRecord } from "../../server/fleet/fleet.ts";
import { vocabularyAmong } from "../../server/fleet/vocabularies.ts";
import { createJobs, type Jobs } from "../../server/jobs/jobs.ts";
import { liveClock } from "../../server/live-clock.ts";
import { createWorkerControl } from "../../server/placement/worker-control.ts";
import type { Ledger, PolicyRecord, VersionRecord } from "../../server/policy/ledger.ts";
import { createMemoryStore } from "../../server/store/memory-store.ts";
import type {
  PublicationOptions,
  PublicationProgress,
  Publisher,
} from "../../server/weights/publisher.ts";

export function workerRecord(over: Partial<WorkerRecord> = {}): WorkerRecord {
  return {
    id: "w-1",
    url: "http://127.0.0.1:9001",
    engine: "embedded",
    pool: "default",
    role: "full",
    parallel: {},
    policies: ["default"],
    state: "ready",
    reason: null,
    description: {
      kind: "embedded",
      engineVersion: "0.1.0",
      incarnation: "inc-1",
      model: "demo",
      dtype: "float32",
      maxModelLen: 2048,
      vocabSize: 260,
      eosTokenIds: [257],
      slots: [{ index: 0, kvTokens: 65_536, maxRunning: 16 }],
      capabilities: {
        logprobModes: ["processed"],
        sampling: ["temperature"],
        resume: { seeded: true, penalties: true },
        spans: "chunk",
        journal: "stream",
        sessionCache: false,
        pause: ["keep"],
        sleep: true,
        weights: { stage: true, proof: "digest" },
        promptLogprobs: false,
        maxTopLogprobs: 0,
        samplingMask: false,
      },
      paused: false,
      asleep: false,
      held: [],
    },
    load: {
      running: 3,
      waiting: 1,
      kvUsedTokens: 16_384,
      kvTotalTokens: 65_536,
      outputTokens: 1_000,
      prefillTokens: 500,
      steps: [],
    },
    rates: { step: null, prefillTokensPerSecond: null },
    leaseMs: 10_000,
    ...over,
  };
}

const notFound = (what: string): never => {
  throw new PacelineError("not_found", `no ${what}`);
};

export interface FakeFleet extends Fleet {
  readonly workers: Map<string, WorkerRecord>;
  /** Every call that changes something, in words. */
  readonly calls: string[];
}

export function createFakeFleet(...records: WorkerRecord[]): FakeFleet {
  const workers = new Map(records.map((record) => [record.id, record]));
  const calls: string[] = [];
  const get = (id: string): WorkerRecord => workers.get(id) ?? notFound(`worker ${id}`);
  const change = (id: string, over: Partial<WorkerRecord>, call: string): WorkerRecord => {
    const record = { ...get(id), ...over };
    calls.push(call);
    workers.set(id, record);
    return record;
  };
  return {
    workers,
    calls,
    get,
    list: () => [...workers.values()],
    vocabularyFor: (asking) => vocabularyAmong([...workers.values()], asking),
    async register(registration) {
      if (registration.url.endsWith(":1")) {
        throw new PacelineError("engine_unreachable", `${registration.url} does not answer`);
      }
      const record = workerRecord({
        id: registration.id ?? `w-${workers.size + 1}`,
        url: registration.url,
        engine: registration.engine,
      });
      workers.set(record.id, record);
      return record;
    },
    renew(id, incarnation) {
      const { description } = get(id);
      if (description.incarnation !== incarnation) {
        throw new PacelineError("lease_lost", `${incarnation} is not the current incarnation`);
      }
      return change(id, { leaseMs: 20_000 }, `renew ${id}`);
    },
    async remove(id) {
      change(id, {}, `remove ${id}`);
      workers.delete(id);
    },
    engine: () => null,
    report() {},
    mark() {},
    pause: async (id, mode) => change(id, { state: "paused" }, `pause ${id} ${mode}`),
    resume: async (id) => change(id, { state: "ready" }, `resume ${id}`),
    flush: async (id) => change(id, {}, `flush ${id}`),
    sleep: async (id) => change(id, { state: "asleep" }, `sleep ${id}`),
    wake: async (id) => change(id, { state: "ready" }, `wake ${id}`),
    listen: () => () => {},
    async close() {},
  };
}

export function versionRecord(over: Partial<VersionRecord> = {}): VersionRecord {
  return {
    policy: "default",
    version: 7,
    label: { run: "a", step: 7 },
    runEpoch: null,
    state: "committed",
    source: { path: "/weights/7" },
    digest: "d".repeat(64),
    contentOf: null,
    onUpdate: "keep",
    updateGraceMs: 1_000,
    createdAt: 1_700_000_000_000,
    ...over,
  };
}

export function policyRecord(over: Partial<PolicyRecord> = {}): PolicyRecord {
  return {
    policy: "default",
    kind: "full",
    base: null,
    commit: "all",
    onUpdate: "keep",
    updateGraceMs: 1_000,
    minProof: "receipt",
    committedVersion: 7,
    lastVersion: 7,
    run: null,
    ...over,
  };
}

export const heldVersion = (over: Partial<HeldVersion> = {}): HeldVersion => ({
  policy: "default",
  version: 7,
  label: { run: "a", step: 7 },
  proof: "digest",
  load: 1,
  digest: "d".repeat(64),
  ...over,
});

/** One policy, `default`, at version 7, held by incarnation `inc-1` of every worker. */
export function createFakeLedger(): Ledger {
  const policies = new Map([["default", policyRecord()]]);
  const policy = (name: string): PolicyRecord => policies.get(name) ?? notFound(`policy ${name}`);
  return {
    policies: () => [...policies.values()],
    policy,
    version: (name, version) =>
      policy(name) && version === 7 ? versionRecord() : notFound(`version ${version}`),
    versions: (name) => (policy(name).policy === "default" ? [versionRecord()] : []),
    holds: (_worker, incarnation) => (incarnation === "inc-1" ? [heldVersion()] : []),
    async declare(declaration) {
      const record = policyRecord({
        committedVersion: null,
        ...policies.get(declaration.policy),
        ...declaration,
      });
      policies.set(declaration.policy, record);
      return record;
    },
    async openRun({ policy: name, run, opener = null }) {
      const before = policy(name);
      const epoch = (before.run?.epoch ?? 0) + 1;
      const opened = { policy: name, run, epoch, opener, byName: true, openedAt: 1 };
      policies.set(name, { ...before, run: opened });
      return opened;
    },
    inCurrentRun: () => true,
    open: async () => notFound("coordinator here"),
    openOnce: async () => notFound("coordinator here"),
    transition: async () => notFound("coordinator here"),
    prove() {},
    proved: () => null,
    forget() {},
    release() {},
    withdraw: async (name) => policy(name),
    listen: () => () => {},
  } satisfies Ledger;
}

/** The real ones, over a ledger that knows one policy and with nothing stored. */
export const createIdleJobs = (): Promise<Jobs> =>
  createJobs({
    store: createMemoryStore(),
    clock: { ...liveClock, wall: () => 1_700_000_000_000 },
    fleet: createFakeFleet(),
    ledger: createFakeLedger(),
    scheduled: () => [],
    made: () => new Map(),
    summarised() {},
    applied() {},
    failed(error) {
      throw error;
    },
  });

const IDLE_JOBS = await createIdleJobs();

/** Version 8 of `default` is announced, then swapping, then installed on w-1; paths with `bad` are rejected. */
export function createFakePublisher(): Publisher {
  const at = (
    state: VersionRecord["state"],
    phase: PublicationProgress["workers"][number]["phase"],
  ): PublicationProgress => ({
    version: versionRecord({ version: 8, state }),
    workers: [
      {
        worker: "w-1",
        phase,
        reason: null,
        pauseMs: phase === "installed" ? 12.5 : null,
        fence: phase === "gated" ? "f-1" : null,
      },
    ],
    lapseMs: phase === "gated" ? 120_000 : null,
    installed: phase === "installed" ? 1 : 0,
  });
  /** Says what it was asked for, so that two fronts can be compared. */
  const asked = (options: PublicationOptions): PublicationProgress => {
    const { version, workers, ...rest } = at("open", "announced");
    const reason = Object.keys(options).length === 0 ? null : JSON.stringify(options);
    const { label = version.label, runEpoch = version.runEpoch } = options;
    return {
      version: { ...version, label, runEpoch },
      workers: workers.map((worker) => ({ ...worker, reason })),
      ...rest,
    };
  };
  const known = (policy: string, version: number): void => {
    if (policy !== "default" || version !== 8) notFound(`version ${version} of ${policy}`);
  };
  return {
    async publish({ policy, source, ...options }) {
      if (policy !== "default") notFound(`policy ${policy}`);
      if ("path" in source && source.path.includes("bad")) {
        throw new PacelineError("weights_rejected", `${source.path} holds no tensors`);
      }
      return asked(options);
    },
    progress(policy, version) {
      known(policy, version);
      return at("transferring", "received");
    },
    async *watch(policy, version) {
      known(policy, version);
      yield at("transferring", "received");
      yield at("committed", "swapping");
      yield at("installed", "installed");
    },
    async committed(policy, version) {
      known(policy, version);
      return at("committed", "installed");
    },
    withdraw: async () => {},
    async gate(policy, version) {
      known(policy, version);
      return at("gated", "gated");
    },
    async commit(policy, version, [proof]) {
      known(policy, version);
      if (proof?.fence !== "f-1") throw new PacelineError("version_conflict", "a stale fence");
      return at("committed", "installed");
    },
    async rollback(policy, version, options) {
      known(policy, version);
      return asked(options);
    },
    async abort(policy, version) {
      known(policy, version);
      return at("aborted", "announced");
    },
    async close() {},
  };
}

/** What the control calls of the gRPC front need, over fakes. */
export function fakeControl(fleet: FakeFleet = createFakeFleet(workerRecord())): ControlParts {
  const owner = {
    whileEmpty: <T>(_worker: string, _ms: number, run: () => Promise<T>) => run(),
    drain: async () => {},
  };
  return {
    fleet,
    ledger: createFakeLedger(),
    publisher: createFakePublisher(),
    control: createWorkerControl({ fleet, owner }),
    jobs: IDLE_JOBS,
  };
}
