/** One run: a fleet, the load, the disturbances and a look at everything afterwards. */
import { setTimeout as sleep } from "node:timers/promises";
import { seededRandom } from "../../server/seeded-random.ts";
import { createGrpcClient } from "../support/grpc-client.ts";
import { createHttpClient, type HttpClient } from "../support/http-client.ts";
import { STEP_1 } from "../support/live-server.ts";
import { createDraw } from "./bodies.ts";
import { check, sumOf } from "./checker.ts";
import { disturb, inService } from "./disturbances.ts";
import { tapEvents } from "./event-tap.ts";
import type { Evidence, Finding } from "./evidence.ts";
import { type Stopped, startChaosFleet } from "./fleet.ts";
import { createJournal } from "./journal.ts";
import { runLoad } from "./load.ts";
import { type Regenerated, regenerate } from "./regeneration.ts";

export interface ChaosOptions {
  readonly seed: number;
  /** How long calls begin and things happen. */
  readonly ms: number;
  readonly workers: number;
  readonly lanes: number;
  /** Results to make again. */
  readonly regenerated: number;
}

export interface ChaosOutcome {
  readonly evidence: Evidence;
  readonly findings: readonly Finding[];
  readonly regenerated: Regenerated;
  readonly lines: readonly string[];
}

/** A detached stream's rollout ends so long after its reader, ms. */
const DETACH_MS = 2_000;
const SETTLE_MS = 60_000;
const RSS_BYTES = 1024 ** 3;
/** Idle keep-alive connections of clients and workers. */
const HANDLES_MORE = 300;

export async function runChaos(options: ChaosOptions): Promise<ChaosOutcome> {
  const { seed, ms, workers, lanes } = options;
  const settings = { lease_ms: 3_000, probe_ms: 200, stuck_ms: 2_000, detach_ms: DETACH_MS };
  const fleet = await startChaosFleet({ workers, settings });
  const http = createHttpClient(fleet.port);
  const grpc = createGrpcClient(`127.0.0.1:${fleet.grpcPort}`);
  const journal = createJournal();
  let stopped: Awaited<ReturnType<typeof fleet.stop>> | null = null;
  try {
    const tap = tapEvents(http);
    await firstVersion(http, fleet.workers);
    const before = fleet.footprint();
    const until = AbortSignal.timeout(ms);
    await Promise.all([
      runLoad({ http, grpc, journal, seed, lanes, until }),
      disturb({ fleet, http, journal, seed: seed + 1_000_003, until }),
    ]);
    const metrics = await settledMetrics(http);
    const sources = await sourcesOf(http);
    const after = fleet.footprint();
    await tap.close();
    await Promise.all([http.close(), grpc.close()]);
    stopped = await fleet.stop();
    const evidence: Evidence = {
      accounts: journal.accounts,
      events: tap.events,
      disturbances: journal.disturbances,
      metrics,
      sources,
      footprints: [before, after],
    };
    const findings = check(evidence);
    const draw = createDraw(seededRandom(seed));
    const regenerated = regenerate(evidence, options.regenerated, draw, (fault, what) =>
      findings.push({ fault, what }),
    );
    findings.push(...remains(stopped, evidence));
    return { evidence, findings, regenerated, lines: fleet.lines() };
  } catch (thrown) {
    console.error(fleet.lines().join("\n"));
    throw thrown;
  } finally {
    if (stopped === null) {
      await Promise.all([http.close(), grpc.close()]);
      await fleet.stop();
    }
  }
}

async function firstVersion(http: HttpClient, workers: readonly string[]): Promise<void> {
  for (const [method, path, body] of [
    ["PUT", "/v1/policies/default", {}],
    ["POST", "/v1/policies/default/versions?wait=committed", { source: { path: STEP_1 } }],
  ] as const) {
    const reply = await http.call(method, path, { body });
    if (reply.status !== 200) throw new Error(`${path}: ${reply.text}`);
  }
  await inService(http, workers);
}

/** Metrics once nothing is in flight: rollouts whose readers left have `detach_ms`. */
async function settledMetrics(http: HttpClient): Promise<string> {
  const deadline = Date.now() + SETTLE_MS;
  for (;;) {
    const { text } = await http.call("GET", "/metrics");
    const left = sumOf(text, "paceline_inflight") + sumOf(text, "paceline_queue_depth");
    if (left === 0 || Date.now() > deadline) return text;
    await sleep(100);
  }
}

async function sourcesOf(http: HttpClient): Promise<Map<number, string>> {
  const { versions } = (await http.call("GET", "/v1/policies/default")).json() as {
    readonly versions: readonly {
      readonly version: number;
      readonly source: { readonly path: string };
    }[];
  };
  return new Map(versions.map(({ version, source }) => [version, source.path]));
}

function remains(
  { server, workers, orphans }: Stopped,
  { footprints: [before, after] }: Evidence,
): Finding[] {
  const wrong: string[] = [];
  if (server !== 0) wrong.push(`the server ended with ${server}`);
  for (const how of workers) if (how !== 0) wrong.push(`a worker ended with ${how}`);
  if (orphans.length > 0) wrong.push(`processes left: ${orphans.join(", ")}`);
  if (before && after) {
    if (after.rssBytes > RSS_BYTES) wrong.push(`the server's RSS is ${after.rssBytes} bytes`);
    if (after.handles > before.handles + HANDLES_MORE)
      wrong.push(`the server's handles grew from ${before.handles} to ${after.handles}`);
  }
  return wrong.map((what) => ({ fault: "other", what }));
}
