/**
 * What happens to the fleet, in two strands beside the load: one for workers, one at a time so that the others serve on,
 * and one for weights. Each draws from its own seeded source.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ErrorBody } from "../../server/contract/errors.ts";
import { seededRandom } from "../../server/seeded-random.ts";
import type { HttpClient } from "../support/http-client.ts";
import { STEP_1, STEP_2 } from "../support/live-server.ts";
import { createDraw, type Draw } from "./bodies.ts";
import type { ChaosFleet } from "./fleet.ts";
import type { Journal } from "./journal.ts";

export interface DisturbancesOptions {
  readonly fleet: ChaosFleet;
  readonly http: HttpClient;
  readonly journal: Journal;
  readonly seed: number;
  readonly until: AbortSignal;
}

interface Strand extends Pick<DisturbancesOptions, "fleet" | "http" | "journal"> {
  readonly draw: Draw;
  /** Of the run that is open; null before the first. */
  runEpoch: number | null;
  runs: number;
}

type Act = (strand: Strand, worker: string) => Promise<void>;

const READY_MS = 60_000;

const WORKER_ACTS: Readonly<Record<string, Act>> = {
  async kill({ fleet, draw }, worker) {
    fleet.signal(worker, "SIGKILL");
    await sleep(draw.below(1_500));
    await fleet.revive(worker);
  },
  /** Sometimes longer than its lease. */
  async freeze({ fleet, draw }, worker) {
    fleet.signal(worker, "SIGSTOP");
    await sleep(draw.once(3) ? draw.between(3_000, 5_000) : draw.below(1_500));
    fleet.signal(worker, "SIGCONT");
  },
  async pause(strand, worker) {
    const { draw } = strand;
    const mode = draw.pick(["keep", "retract", "abort"]);
    await told(strand, "POST", `/v1/workers/${worker}/pause`, { mode });
    await sleep(draw.below(800));
    await told(strand, "POST", `/v1/workers/${worker}/resume`);
  },
  async "pool pause"(strand) {
    await told(strand, "POST", "/v1/pools/default/pause", { mode: "keep" });
    await sleep(strand.draw.below(500));
    await told(strand, "POST", "/v1/pools/default/resume");
  },
  async sleep(strand, worker) {
    await told(strand, "POST", `/v1/workers/${worker}/sleep`);
    await sleep(strand.draw.below(1_000));
    await told(strand, "POST", `/v1/workers/${worker}/wake`);
  },
  async flush(strand, worker) {
    await told(strand, "POST", `/v1/workers/${worker}/flush`);
  },
  /** It registers again at its next renewal; where its pool was paused meanwhile, it comes back as its engine stands. */
  async drain(strand, worker) {
    const how = strand.draw.pick(["drain=finish&timeout_ms=1500", "drain=migrate", ""]);
    await told(strand, "DELETE", `/v1/workers/${worker}?${how}`);
    await workersAre(strand.http, `${worker} back`, (all) => all.some(({ id }) => id === worker));
    await told(strand, "POST", `/v1/workers/${worker}/resume`);
  },
  async "job abort"(strand) {
    await told(strand, "POST", "/v1/jobs/rough/abort");
  },
};

const VERSIONS = "/v1/policies/default/versions";

const WEIGHT_ACTS: Readonly<Record<string, Act>> = {
  publish,
  "publish too": publish,
  async "publish rolling"(strand) {
    await publication(strand, { commit: { mode: "rolling", wave: 1 } });
  },
  async "publish and abort"(strand) {
    const body = { source: { path: STEP_1 }, ...runOf(strand) };
    const reply = await told(strand, "POST", VERSIONS, body);
    const version = Reflect.get(Object(reply), "version");
    if (version !== undefined) await told(strand, "POST", `${VERSIONS}/${version}/abort`);
  },
  async rollback(strand) {
    const policy = Object(await told(strand, "GET", "/v1/policies/default"));
    const { versions, committed_version: committed } = policy as {
      readonly versions: readonly { readonly version: number; readonly state: string }[];
      readonly committed_version: number;
    };
    const past = versions.filter(
      ({ version, state }) => state === "superseded" && version !== committed,
    );
    if (past.length === 0) return;
    const { version } = strand.draw.pick(past);
    const path = `${VERSIONS}/${version}/rollback?wait=committed`;
    await told(strand, "POST", path, { ...runOf(strand), ...onUpdate(strand) });
  },
  async "open run"(strand) {
    const body = { run: `run-${strand.runs++}`, opener: "chaos" };
    const reply = Object(await told(strand, "POST", "/v1/policies/default/runs", body));
    if (typeof reply.epoch === "number") strand.runEpoch = reply.epoch;
  },
};

async function publish(strand: Strand): Promise<void> {
  const { draw } = strand;
  const commit = draw.pick([
    { mode: "all" },
    { mode: "all" },
    { mode: "quorum", quorum: 2 },
    { mode: "latest_wins" },
  ]);
  await publication(strand, { commit });
}

async function publication(strand: Strand, more: object): Promise<void> {
  const source = { path: strand.draw.pick([STEP_1, STEP_2]) };
  const body = { source, ...runOf(strand), ...onUpdate(strand), ...more };
  await told(strand, "POST", `${VERSIONS}?wait=committed`, body);
}

const runOf = ({ runEpoch }: Strand): object => (runEpoch === null ? {} : { run_epoch: runEpoch });

const onUpdate = ({ draw }: Strand): object =>
  draw.once(3)
    ? {}
    : { on_update: draw.pick(["keep", "reprefill", "finish"]), update_grace_ms: 1_500 };

/** What the server answered goes to the journal; an error is the server's to give, and the checker's to judge. */
async function told(
  { http, journal }: Strand,
  method: "GET" | "POST" | "DELETE",
  path: string,
  body?: object,
): Promise<unknown> {
  const at = Date.now();
  const reply = await http.call(method, path, body === undefined ? {} : { body });
  const answer = reply.json();
  const kind = `${method} ${path.replace(/\/w-\d+|\/\d+/g, "/*").replace(/\?.*/, "")}`;
  if (reply.status < 400) {
    if (method !== "GET") journal.disturbed({ kind, target: path, at, outcome: "ok" });
    return answer;
  }
  const error = Reflect.get(Object(answer), "error") as ErrorBody;
  journal.disturbed({ kind, target: path, at, outcome: error.code, error });
  return null;
}

/** All that end with what they did; each goes on until told to stop. */
export async function disturb(options: DisturbancesOptions): Promise<void> {
  const { http, fleet, seed } = options;
  await Promise.all([disturbWorkers(options), disturbWeights({ ...options, seed: seed + 1 })]);
  await inService(http, fleet.workers);
}

/** Several at a time, each at a worker of its own, and one is always left alone. */
async function disturbWorkers({ until, ...options }: DisturbancesOptions): Promise<void> {
  const { fleet, http } = options;
  const strand = strandOf(options);
  const { draw } = strand;
  const busy = new Map<string, Promise<void>>();
  while (!until.aborted) {
    await sleep(draw.below(600));
    if (busy.size >= fleet.workers.length - 1) await Promise.race(busy.values());
    const worker = draw.pick(fleet.workers.filter((id) => !busy.has(id)));
    const over = begin(strand, WORKER_ACTS, worker)
      .then(() => inService(http, [worker]))
      .then(() => void busy.delete(worker));
    busy.set(worker, over);
  }
  await Promise.all(busy.values());
}

async function disturbWeights({ until, ...options }: DisturbancesOptions): Promise<void> {
  const strand = strandOf(options);
  while (!until.aborted) {
    await sleep(strand.draw.below(600));
    await begin(strand, WEIGHT_ACTS, "");
  }
}

const strandOf = ({ fleet, http, journal, seed }: Omit<DisturbancesOptions, "until">): Strand => ({
  fleet,
  http,
  journal,
  draw: createDraw(seededRandom(seed)),
  runEpoch: null,
  runs: 0,
});

async function begin(
  strand: Strand,
  acts: Readonly<Record<string, Act>>,
  worker: string,
): Promise<void> {
  const kind = strand.draw.pick(Object.keys(acts));
  strand.journal.disturbed({ kind, target: worker, at: Date.now(), outcome: "ok" });
  await acts[kind]?.(strand, worker);
}

interface Standing {
  readonly id: string;
  readonly state: string;
  readonly versions: readonly unknown[];
}

export const inService = (http: HttpClient, workers: readonly string[]): Promise<void> =>
  workersAre(http, `${workers} in service`, (all) => {
    const ready = all.filter(({ state, versions }) => state === "ready" && versions.length > 0);
    return workers.every((worker) => ready.some(({ id }) => id === worker));
  });

/** Polls: what is asked is a state, whichever events lead to it. */
async function workersAre(
  http: HttpClient,
  what: string,
  test: (all: readonly Standing[]) => boolean,
): Promise<void> {
  const deadline = Date.now() + READY_MS;
  let seen: readonly Standing[] = [];
  while (Date.now() < deadline) {
    const reply = await http.call("GET", "/v1/workers");
    const { workers } = reply.json() as { readonly workers: readonly Standing[] };
    seen = workers.map(({ id, state, versions }) => ({ id, state, versions }));
    if (test(seen)) return;
    await sleep(50);
  }
  throw new Error(`not ${what} after ${READY_MS} ms: ${JSON.stringify(seen)}`);
}
