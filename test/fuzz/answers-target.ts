/**
 * What reads the other answers of engines (probes, loads, labels, updates), against answers that are almost right: a
 * call is answered with what it asks for or a typed error, and never hangs.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { request } from "undici";
import type { Engine } from "../../adapters/engine.ts";
import { createSglangEngine } from "../../adapters/sglang/engine.ts";
import { createVllmEngine } from "../../adapters/vllm/engine.ts";
import { PacelineError } from "../../server/contract/errors.ts";
import { checkpoint } from "../fakes/core/fake-model.ts";
import { startFakeSglang } from "../fakes/sglang/fake-sglang.ts";
import { startFakeVllm } from "../fakes/vllm/fake-vllm.ts";
import type { Target } from "./campaign.ts";
import { type Mutation, mutatedJson, mutations } from "./json-mutation.ts";
import { patience } from "./patience.ts";

const PATIENCE_MS = 10_000;

interface AnswerInput {
  readonly engine: "vllm" | "sglang";
  /** The answer of this many in turn is changed. */
  readonly nth: number;
  readonly changes: readonly Mutation[];
}

const CREATE = { vllm: createVllmEngine, sglang: createSglangEngine } as const;

/** Passes calls on, and changes one answer of JSON. */
class Middle {
  #answers = 0;
  #input: AnswerInput | null = null;
  readonly server: Server;

  constructor(behind: () => string) {
    this.server = createServer(async (call, reply) => {
      const parts: Buffer[] = [];
      for await (const part of call as AsyncIterable<Buffer>) parts.push(part);
      const answer = await request(`${behind()}${call.url}`, {
        method: call.method as "GET",
        body: parts.length === 0 ? null : Buffer.concat(parts),
      });
      const type = String(answer.headers["content-type"] ?? "");
      const text = this.#changed(await answer.body.text(), type);
      reply.writeHead(answer.statusCode, { "content-type": type }).end(text);
    });
  }

  arm(input: AnswerInput): void {
    this.#answers = 0;
    this.#input = input;
  }

  #changed(text: string, type: string): string {
    const input = this.#input;
    if (input === null || !type.startsWith("application/json")) return text;
    return this.#answers++ === input.nth ? mutatedJson(JSON.parse(text), input.changes) : text;
  }
}

/** Each is settled before the next, whatever became of it. */
async function useAll(engine: Engine): Promise<void> {
  const version = { policy: "default", version: 3 };
  const calls: ((signal: AbortSignal) => Promise<unknown> | undefined)[] = [
    (signal) => engine.probe(signal),
    (signal) => engine.telemetry(signal),
    (signal) => engine.weights?.held(signal),
    (signal) => engine.control.pause("keep", signal),
    (signal) => engine.control.resume(signal),
    (signal) => engine.control.flush(signal),
    (signal) => engine.weights?.stage({ ...version, path: checkpoint("step-1") }, signal),
    (signal) => engine.weights?.swap({ ...version, kv: "keep" }, signal),
  ];
  for (const call of calls) {
    const hung = new AbortController();
    const waited = patience(PATIENCE_MS, () => hung.abort());
    try {
      await call(hung.signal);
    } catch (thrown) {
      assert.ok(thrown instanceof PacelineError, `thrown: ${String(thrown)}`);
      assert.ok(thrown.code !== "internal", thrown.message);
      assert.ok(thrown.code !== "cancelled", "it hung");
    } finally {
      waited.stop();
    }
  }
}

export const answersTarget: Target<AnswerInput> = {
  name: "answers",
  inputs: fc.record({
    engine: fc.constantFrom("vllm", "sglang"),
    nth: fc.nat(16),
    changes: mutations,
  }),
  shown: ({ engine, nth, changes }) => `${engine}, answer ${nth}: ${JSON.stringify(changes)}`,
  async open() {
    const open: { close(): void | Promise<void> }[] = [];
    return {
      lane() {
        const started = startLane(open);
        return async (input) => {
          const { middle, urls, point } = await started;
          point(urls[input.engine]);
          middle.arm(input);
          const { port } = middle.server.address() as AddressInfo;
          const engine = CREATE[input.engine](`http://127.0.0.1:${port}`);
          try {
            await useAll(engine);
          } finally {
            await engine.close();
          }
        };
      },
      healthy: async () => {},
      close: async () => {
        for (const one of open) await one.close();
      },
    };
  },
};

async function startLane(open: { close(): void | Promise<void> }[]) {
  const [vllm, sglang] = [await startFakeVllm(), await startFakeSglang()];
  let behind = vllm.url;
  const middle = new Middle(() => behind);
  middle.server.listen(0, "127.0.0.1");
  await once(middle.server, "listening");
  open.push(vllm, sglang, {
    close() {
      middle.server.closeAllConnections();
      middle.server.close();
    },
  });
  return {
    middle,
    urls: { vllm: vllm.url, sglang: sglang.url },
    point: (url: string) => {
      behind = url;
    },
  };
}
