/** A whole server over simulated engines that misbehave on command, each in this process or in one of its own. */
import assert from "node:assert/strict";
import { request } from "undici";
import type { FaultBody } from "../../adapters/embedded/wire.ts";
import type { EngineTelemetry } from "../../adapters/engine.ts";
import { createSimulatedEngine } from "../../adapters/simulated/engine.ts";
import type { Clock } from "../../server/contract/clock.ts";
import type { ErrorBody } from "../../server/contract/errors.ts";
import { startEngineServer } from "../../server/engine/server/engine-server.ts";
import { startEngineProcess } from "../conformance/engines/engine-process.ts";
import { type LiveServer, STEP_1, startLiveServer } from "../support/live-server.ts";

export interface Worker {
  readonly id: string;
  readonly state: string;
  readonly reason: string | null;
  readonly incarnation: string;
  readonly versions: readonly { readonly version: number; readonly digest: string }[];
}

export interface Progress {
  readonly version: number;
  readonly state: string;
  readonly workers: readonly {
    readonly worker: string;
    readonly phase: string;
    readonly reason: string | null;
  }[];
}

export interface Failure {
  readonly error: ErrorBody;
}

export type LifeEvent = Readonly<Record<string, unknown>>;

export interface FaultyEngine {
  readonly id: string;
  readonly url: string;
  fault(fault: FaultBody): Promise<void>;
  telemetry(): Promise<EngineTelemetry>;
  /** To the engine's process; only where it has one of its own. */
  signal(signal: NodeJS.Signals): void;
  close(): Promise<void>;
}

export interface FleetOptions {
  readonly engines?: number;
  /** Ids of engines that get a process of their own, to be killed. */
  readonly processes?: readonly string[];
  readonly settings?: Record<string, unknown>;
  /** The server's. */
  readonly clock?: Clock;
  /** False: no version is published, and no engine holds one. */
  readonly publish?: boolean;
}

export interface SimulatedFleet {
  readonly server: LiveServer;
  engine(id: string): FaultyEngine;
  /** A further engine, registered under `id`, with a fault in it from the start. */
  join(id: string, fault?: FaultBody): Promise<FaultyEngine>;
  worker(id: string): Promise<Worker>;
  publish(
    path: string,
    more?: Record<string, unknown>,
  ): Promise<{ status: number; body: Progress & Failure }>;
  progress(version: number): Promise<Progress>;
  /** Resolves when `done` holds, asked anew after each life-cycle event. */
  settled(done: () => Promise<boolean>): Promise<void>;
  /** All life-cycle events so far. */
  events(): Promise<LifeEvent[]>;
  /** Sum over all labels. */
  metric(name: string, labels?: string): Promise<number>;
}

const SHAPE = { kvTokens: 65_536, maxRunning: 32, streamInterval: 4 };
/** Slow enough that many rollouts are in flight when a fault strikes. */
const STEP_SECONDS = 0.002;

async function startEngine(id: string, own: boolean): Promise<FaultyEngine> {
  const options = {
    kind: "simulated",
    ...SHAPE,
    simulated: { stepSeconds: STEP_SECONDS },
  } as const;
  const running = own ? await startEngineProcess(options) : await startEngineServer(options);
  const engine = createSimulatedEngine(running.url);
  const soon = (): AbortSignal => AbortSignal.timeout(10_000);
  const signal = (name: NodeJS.Signals): void => {
    assert.ok("kill" in running, `${id} has no process of its own`);
    running.kill(name);
  };
  return {
    id,
    url: running.url,
    fault: (fault) => engine.fault(fault, soon()),
    telemetry: () => engine.telemetry(soon()),
    signal,
    async close() {
      await engine.close();
      if ("close" in running) return running.close();
      signal("SIGKILL");
      await running.ended;
    },
  };
}

/** Runs `use` on a fleet of `w-1` … whose workers hold version 1 of `default`, and ends it whatever happens. */
export async function withFleet(
  { engines: count = 2, processes = [], settings = {}, publish = true, clock }: FleetOptions,
  use: (fleet: SimulatedFleet) => Promise<void>,
): Promise<void> {
  const timings = { probe_ms: 100, lease_ms: 2_000, drain_ms: 1 };
  const server = await startLiveServer({ engine: "none", ...timings, ...settings }, clock);
  const engines = new Map<string, FaultyEngine>();
  try {
    const fleet = fleetOver(server, engines, processes);
    expect(200, await server.call("PUT", "/v1/policies/default", {}));
    for (let i = 1; i <= count; i++) await fleet.join(`w-${i}`);
    if (publish) {
      expect(200, await fleet.publish(STEP_1));
      await fleet.settled(async () => (await fleet.progress(1)).state === "installed");
    }
    await use(fleet);
  } finally {
    await server.stop();
    await Promise.all([...engines.values()].map((engine) => engine.close()));
  }
}

function fleetOver(
  server: LiveServer,
  engines: Map<string, FaultyEngine>,
  processes: readonly string[],
): SimulatedFleet {
  const get = async <T>(path: string): Promise<T> => {
    const reply = await server.call<T>("GET", path);
    expect(200, reply);
    return reply.body;
  };
  const current = new Map<string, FaultyEngine>();
  return {
    server,
    engine(id) {
      const engine = current.get(id);
      assert.ok(engine, `no engine ${id}`);
      return engine;
    },
    async join(id, fault) {
      const engine = await startEngine(id, processes.includes(id));
      // The one before it under this id is ended with the others.
      engines.set(`${id} at ${engine.url}`, engine);
      current.set(id, engine);
      if (fault !== undefined) await engine.fault(fault);
      const body = { url: engine.url, engine: "simulated", id };
      expect(200, await server.call("POST", "/v1/workers", body));
      return engine;
    },
    worker: (id) => get(`/v1/workers/${id}`),
    publish: (path, more = {}) =>
      server.call("POST", "/v1/policies/default/versions?wait=committed", {
        source: { path },
        ...more,
      }),
    progress: (version) => get(`/v1/policies/default/versions/${version}`),
    async settled(done) {
      for await (const _event of follow(server, true)) if (await done()) return;
    },
    events: () => Array.fromAsync(follow(server, false)),
    async metric(name, labels = "") {
      const reply = await request(`${server.http}/metrics`);
      let sum = 0;
      for (const line of (await reply.body.text()).split("\n")) {
        const [key = "", value] = line.split(" ");
        if ((key === name || key.startsWith(`${name}{`)) && key.includes(labels))
          sum += Number(value);
      }
      return sum;
    },
  };
}

async function* follow(server: LiveServer, endless: boolean): AsyncGenerator<LifeEvent> {
  const reply = await request(`${server.http}/v1/events?from=0&follow=${endless}`, {
    headers: { accept: "application/x-ndjson" },
    bodyTimeout: 0,
  });
  let buffered = "";
  for await (const text of reply.body.setEncoding("utf8") as AsyncIterable<string>) {
    const lines = (buffered + text).split("\n");
    buffered = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield JSON.parse(line) as LifeEvent;
  }
}

export function expect(status: number, reply: { status: number; body: unknown }): void {
  assert.equal(reply.status, status, JSON.stringify(reply.body));
}
