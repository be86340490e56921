/** A whole server over fakes of other people's engines, each with faults on command. */
import assert from "node:assert/strict";
import { createFakeModel, type FakeModel } from "../fakes/core/fake-model.ts";
import type { FaultKind, FaultOptions } from "../fakes/core/fault.ts";
import { startFakeSglang } from "../fakes/sglang/fake-sglang.ts";
import { startFakeVllm } from "../fakes/vllm/fake-vllm.ts";
import { type LiveServer, STEP_1, startLiveServer, workersReady } from "../support/live-server.ts";
import { expect } from "./simulated-fleet.ts";

export const KINDS = ["vllm", "sglang"] as const;
export type Kind = (typeof KINDS)[number];

export interface FakeEngine {
  readonly url: string;
  readonly model: FakeModel;
  fault(kind: FaultKind, options?: FaultOptions): void;
  clearFaults(): void;
  exit(): void;
  close(): Promise<void>;
}

export interface AdapterFleet {
  readonly server: LiveServer;
  readonly engines: readonly FakeEngine[];
  /** Tells of one worker's state now. */
  state(id: string): Promise<string>;
  /** All life-cycle events so far. */
  events(): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** Slow enough that many rollouts are in flight when a fault strikes. */
const STEP_MS = 1;

/** What the fakes are started with beside that. */
interface FakeSettings {
  readonly kvEvents?: boolean;
}

const startFake = (kind: Kind, more: FakeSettings): Promise<FakeEngine> => {
  const settings = { stepMs: STEP_MS, ...more };
  return kind === "vllm"
    ? startFakeVllm({ ...settings, maxLoras: 2 })
    : startFakeSglang({ ...settings, deterministic: true, incremental: true, lora: true });
};

/** Runs `use` on a fleet of `w-1` and `w-2` that hold version 1 of `default`, and ends it whatever happens. */
export async function withAdapters(
  kind: Kind,
  settings: Record<string, unknown>,
  use: (fleet: AdapterFleet) => Promise<void>,
  fakes: FakeSettings = {},
): Promise<void> {
  const server = await startLiveServer({
    engine: "none",
    probe_ms: 200,
    lease_ms: 5_000,
    drain_ms: 1,
    ...settings,
  });
  const engines = [await startFake(kind, fakes), await startFake(kind, fakes)];
  try {
    expect(200, await server.call("PUT", "/v1/policies/default", {}));
    for (const [index, { url }] of engines.entries()) {
      const body = { url, engine: kind, id: `w-${index + 1}` };
      expect(200, await server.call("POST", "/v1/workers", body));
    }
    const published = await server.call("POST", "/v1/policies/default/versions?wait=committed", {
      source: { path: STEP_1 },
    });
    expect(200, published);
    await workersReady(server, 2, 1);
    await use({
      server,
      engines,
      async state(id) {
        const { body } = await server.call<{ state: string }>("GET", `/v1/workers/${id}`);
        return body.state;
      },
      async events() {
        const reply = await fetch(`${server.http}/v1/events?from=0&follow=false`, {
          headers: { accept: "application/x-ndjson" },
        });
        const lines = (await reply.text()).split("\n").filter((line) => line !== "");
        return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
      },
    });
  } finally {
    await server.stop();
    await Promise.all(engines.map((engine) => engine.close()));
  }
}

export interface Made {
  readonly id: string;
  readonly output_token_ids: readonly number[];
  readonly logprobs: readonly number[];
  readonly spans: readonly {
    readonly version: number;
    readonly base_version?: number | null;
    readonly start: number;
    readonly end: number;
  }[];
  readonly routing: { readonly attempts: number };
}

/** Throws unless each logprob is what `truth` says of that token after those before it. */
export async function assertTrue(
  truth: FakeModel,
  prompt: readonly number[],
  { id, output_token_ids: output, logprobs }: Made,
): Promise<void> {
  const parts = truth.submit({
    id: `truth-${id}`,
    promptTokenIds: Uint32Array.from([...prompt, ...output]),
    sampling: { maxNewTokens: 0 },
    side: {
      promptLogprobs: { start: prompt.length },
      topLogprobs: 0,
      samplingMask: false,
    },
  });
  const all = await Array.fromAsync(parts);
  const scores = all.find((part) => part.type === "prompt")?.logprobs ?? new Float32Array(0);
  assert.equal(scores.length, output.length);
  for (const [at, logprob] of logprobs.entries()) {
    const apart = Math.abs(logprob - (scores[at] as number));
    assert.ok(apart < 1e-4, `token ${at} of ${id}: told ${logprob}, is ${scores[at]}`);
  }
}

export const createTruth = (directory?: string): FakeModel =>
  createFakeModel({ kvTokens: 16_384, ...(directory === undefined ? {} : { directory }) });
