/** Dialects on free ports of 127.0.0.1 over stand-ins; one mount of each, or more. */
import { createOpenGatekeeper } from "../../server/api/auth/gatekeeper.ts";
import type { Dialect, Mount } from "../../server/api/dialects/dialect.ts";
import {
  createDialects,
  type DialectsParts,
  type Mounted,
} from "../../server/api/dialects/dialects.ts";
import { dialectOf } from "../../server/api/dialects/registry.ts";
import type { PacelineError } from "../../server/contract/errors.ts";
import { liveClock } from "../../server/live-clock.ts";
import { createWorkerControl } from "../../server/placement/worker-control.ts";
import { createSessions } from "../../server/sessions/sessions.ts";
import {
  createFakeFleet,
  createFakeLedger,
  createFakePublisher,
  createIdleJobs,
  type FakeFleet,
  workerRecord,
} from "./front-fakes.ts";
import { createHttpClient, type HttpClient } from "./http-client.ts";
import { createScriptedRollouts, type ScriptedRollouts } from "./scripted-rollouts.ts";
import { type Serving, serveHttp } from "./serve-http.ts";

export interface ServingDialect {
  /** Of each mount, in order; those under `/jobs/{job}` are at the front, whose port this client has. */
  readonly clients: readonly HttpClient[];
  readonly mounted: readonly Mounted[];
  readonly front: Serving;
  readonly rollouts: ScriptedRollouts;
  readonly fleet: FakeFleet;
  readonly failed: PacelineError[];
  close(): Promise<void>;
}

export interface ServeDialectOptions
  extends Partial<Omit<DialectsParts, "mounts" | "rollouts" | "fleet" | "dialectOf">> {
  readonly dialect?: Dialect;
  readonly rollouts?: ScriptedRollouts;
  readonly fleet?: FakeFleet;
}

export async function serveDialect(
  mounts: readonly Mount[],
  over: ServeDialectOptions = {},
): Promise<ServingDialect> {
  const { dialect, ...given } = over;
  const rollouts = over.rollouts ?? createScriptedRollouts();
  const fleet = over.fleet ?? createFakeFleet(workerRecord());
  const failed: PacelineError[] = [];
  let minted = 0;
  const owner = {
    whileEmpty: <T>(_worker: string, _ms: number, run: () => Promise<T>) => run(),
    drain: async () => {},
  };
  const dialects = createDialects({
    sessions: createSessions(liveClock, { ttlMs: 60_000 }, () => {}),
    ledger: createFakeLedger(),
    publisher: createFakePublisher(),
    jobs: await createIdleJobs(),
    control: createWorkerControl({ fleet, owner }),
    mint: { id: () => `minted-${++minted}`, seed: () => 1 },
    tokenizerOf: () => null,
    metrics: { contentType: "text/plain; version=0.0.4", text: async () => "paceline_up 1\n" },
    clock: liveClock,
    gate: createOpenGatekeeper({ rate: null, concurrency: null }, liveClock),
    audit: () => {},
    certificates: null,
    failed: (error) => failed.push(error),
    log: { info: () => {}, warn: () => {} },
    closeGraceMs: 500,
    ...given,
    rollouts,
    fleet,
    mounts,
    dialectOf: dialect === undefined ? dialectOf : () => dialect,
  });
  const front = await serveHttp({
    rollouts,
    extend: dialects.extend,
    ...(over.gate === undefined ? {} : { gate: over.gate }),
    ...(over.audit === undefined ? {} : { audit: over.audit }),
  });
  const mounted = await dialects.listen("127.0.0.1");
  const clients = mounted.map(({ port }) => createHttpClient(port ?? front.port));
  return {
    clients,
    mounted,
    front,
    rollouts,
    fleet,
    failed,
    async close() {
      await Promise.all(clients.map((client) => client.close()));
      await Promise.all([dialects.close(), front.close()]);
    },
  };
}
