/** A whole server over embedded engines, each in a process of its own, whose weights a separate process replaces. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { request } from "undici";
import type { FaultBody } from "../../../adapters/embedded/wire.ts";
import { contentDigest } from "../../../server/checkpoint/digest.ts";
import type { Proof } from "../../../server/contract/policy.ts";
import {
  type EngineProcess,
  startEngineProcess,
} from "../../conformance/engines/engine-process.ts";
import { type LiveServer, STEP_1, STEP_2, startLiveServer } from "../../support/live-server.ts";
import { expect } from "../simulated-fleet.ts";
import type { MoveOrder, MoveReply, MoveStep } from "./mover.ts";

const MOVER = fileURLToPath(new URL("./mover.ts", import.meta.url));

export const DIGEST_1 = (await contentDigest(STEP_1)).digest;
export const DIGEST_2 = (await contentDigest(STEP_2)).digest;

export interface WorkerShown {
  readonly state: string;
  readonly reason: string | null;
  readonly versions: readonly { readonly version: number; readonly proof: string }[];
}

export interface ExternalFleet {
  readonly server: LiveServer;
  readonly engines: Record<string, string>;
  fault(id: string, fault: FaultBody): Promise<void>;
  /** Kills the process; `join` gives the worker its next life. */
  kill(id: string): Promise<void>;
  join(id: string): Promise<void>;
  /** Runs a mover to its end, or to where its order stops it. */
  move(order: Partial<MoveOrder>): Promise<Moved>;
  worker(id: string): Promise<WorkerShown>;
  progress(version: number): Promise<MoveReply>;
  post(path: string, body?: unknown): Promise<{ status: number; body: MoveReply }>;
  /** Resolves when `done` holds, asked anew after each life-cycle event. */
  settled(done: () => Promise<boolean>): Promise<void>;
}

export interface Moved {
  readonly steps: readonly MoveStep[];
  readonly last: MoveStep;
  kill(): void;
}

export interface ExternalFleetOptions {
  /** What each engine can show, by worker. */
  readonly proofs: readonly Proof[];
  readonly declaration?: object;
  readonly settings?: Record<string, unknown>;
}

export async function withExternalFleet(
  { proofs, declaration = {}, settings = {} }: ExternalFleetOptions,
  use: (fleet: ExternalFleet) => Promise<void>,
): Promise<void> {
  const server = await startLiveServer({
    engine: "none",
    probe_ms: 100,
    lease_ms: 3_000,
    drain_ms: 1,
    ...settings,
  });
  const running = new Map<string, EngineProcess>();
  const movers: ChildProcess[] = [];
  const engines: Record<string, string> = {};
  const shows = new Map(proofs.map((proof, i) => [`w-${i + 1}`, proof]));
  const post = (path: string, body?: unknown) => server.call<MoveReply>("POST", path, body);

  async function join(id: string): Promise<void> {
    const engine = await startEngineProcess({
      kind: "embedded",
      directory: STEP_1,
      kvTokens: 16_384,
      maxRunning: 16,
      streamInterval: 4,
      proof: shows.get(id) ?? "digest",
      faults: true,
    });
    running.set(id, engine);
    engines[id] = engine.url;
    expect(
      200,
      await server.call("POST", "/v1/workers", { url: engine.url, engine: "embedded", id }),
    );
  }

  async function move(order: Partial<MoveOrder>): Promise<Moved> {
    const whole: MoveOrder = {
      server: server.http,
      engines,
      path: STEP_2,
      digest: DIGEST_2,
      claims: Object.fromEntries(shows),
      ...order,
    };
    const child = spawn(process.execPath, [MOVER, JSON.stringify(whole)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    movers.push(child);
    const exit = once(child, "exit");
    const steps: MoveStep[] = [];
    const last = { gate: "opened", move: "gated", commit: "moved" }[order.stopBefore ?? "gate"];
    const moves = Object.keys(engines).length - (order.skip?.length ?? 0);
    for await (const line of createInterface({ input: child.stdout })) {
      const step = JSON.parse(line) as MoveStep;
      steps.push(step);
      if (order.stopBefore === undefined || step.step !== last) continue;
      if (last !== "moved" || steps.filter((one) => one.step === "moved").length === moves) break;
    }
    if (order.stopBefore === undefined) await exit;
    return { steps, last: steps.at(-1) as MoveStep, kill: () => void child.kill("SIGKILL") };
  }

  try {
    expect(200, await server.call("PUT", "/v1/policies/default", declaration));
    for (const id of shows.keys()) await join(id);
    await use({
      server,
      engines,
      post,
      join,
      move,
      async fault(id, fault) {
        const reply = await request(`${engines[id]}/faults`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(fault),
        });
        assert.equal(reply.statusCode, 200);
        await reply.body.dump();
      },
      async kill(id) {
        running.get(id)?.kill("SIGKILL");
        await running.get(id)?.ended;
      },
      worker: async (id) => (await server.call<WorkerShown>("GET", `/v1/workers/${id}`)).body,
      async progress(version) {
        const path = `/v1/policies/default/versions/${version}`;
        return (await server.call<MoveReply>("GET", path)).body;
      },
      async settled(done) {
        while (!(await done())) await new Promise((resolve) => setTimeout(resolve, 20));
      },
    });
  } finally {
    for (const child of movers) child.kill("SIGKILL");
    await server.stop();
    for (const engine of running.values()) engine.kill("SIGKILL");
    await Promise.all([...running.values()].map(({ ended }) => ended));
  }
}
