/** An HTTP front on a free port of 127.0.0.1 over stand-ins, and a client of it. */
import { createOpenGatekeeper } from "../../server/api/auth/gatekeeper.ts";
import {
  createHttpFront,
  type HttpFront,
  type HttpFrontParts,
} from "../../server/api/http/front.ts";
import type { PacelineError } from "../../server/contract/errors.ts";
import { liveClock } from "../../server/live-clock.ts";
import { createWorkerControl } from "../../server/placement/worker-control.ts";
import { createSessions, type Sessions } from "../../server/sessions/sessions.ts";
import { createLifeCycle, type LifeCycle } from "../../server/telemetry/life-cycle.ts";
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

export interface Serving {
  readonly client: HttpClient;
  readonly front: HttpFront;
  readonly port: number;
  readonly rollouts: ScriptedRollouts;
  readonly fleet: FakeFleet;
  readonly lifeCycle: LifeCycle;
  /** Every error that the front told of. */
  readonly failed: PacelineError[];
  readonly drains: string[];
  close(): Promise<void>;
}

export async function serveHttp(
  over: Partial<HttpFrontParts> & { rollouts?: ScriptedRollouts } = {},
): Promise<Serving> {
  const rollouts = over.rollouts ?? createScriptedRollouts();
  const fleet = createFakeFleet(workerRecord());
  const lifeCycle = createLifeCycle(liveClock, 8);
  const failed: PacelineError[] = [];
  const drains: string[] = [];
  let minted = 0;
  const front = createHttpFront({
    fleet,
    ledger: createFakeLedger(),
    publisher: createFakePublisher(),
    jobs: await createIdleJobs(),
    control: createWorkerControl({
      fleet,
      owner: {
        whileEmpty: (_worker, _ms, run) => run(),
        drain: async (worker, how, timeoutMs) => {
          drains.push(`${worker} ${how} ${timeoutMs}`);
        },
      },
    }),
    lifeCycle,
    mint: { id: () => `minted-${++minted}`, seed: () => 1 },
    clock: liveClock,
    readiness: () => ({ ready: true, reasons: [] }),
    metrics: { contentType: "text/plain; version=0.0.4", text: async () => "paceline_up 1\n" },
    overview: () => ({ workers: [] }),
    failed: (error) => failed.push(error),
    gate: createOpenGatekeeper({ rate: null, concurrency: null }, liveClock),
    audit: () => {},
    certificates: null,
    log: { error: () => {} },
    ...over,
    rollouts,
    sessions: over.sessions ?? sessionsOf("default", "s"),
    options: { version: "0.0.0", closeGraceMs: 500, ...over.options },
  });
  const { port } = await front.listen("127.0.0.1", 0);
  const client = createHttpClient(port);
  return {
    client,
    front,
    port,
    rollouts,
    fleet,
    lifeCycle,
    failed,
    drains,
    async close() {
      await client.close();
      await front.close();
    },
  };
}

/** One session that has had a turn. */
function sessionsOf(job: string, id: string): Sessions {
  const sessions = createSessions(liveClock, { ttlMs: 60_000 }, () => {});
  sessions.begin(job, { id, turn: 0, branch: 0, final: false }, "r-0").ended(true);
  return sessions;
}
