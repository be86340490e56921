/**
 * Discovery of a fake's workers, and the calls of each, on one socket: `/v1/rl/workers`, `/w0/engine/<route>`. One model stands for
 * all: it stands still while any of them does, and computes with what the first of them has read.
 */
import { z } from "zod";
import type { FakeModel } from "../core/fake-model.ts";
import { encodeJson } from "../core/fake-reply.ts";
import { FakeError, type FakeRoute, startFakeServer } from "../core/fake-server.ts";
import { createFaults } from "../core/fault.ts";

const ROUTES = [
  "pause_generation",
  "resume_generation",
  "flush_cache",
  "update_weights_from_disk",
  "get_weight_version",
  "liveness_probe",
];

const pause = z.looseObject({ mode: z.enum(["keep", "wait", "abort"]), clear_cache: z.boolean() });
const update = z.looseObject({
  model_path: z.string(),
  weight_version: z.string().default("unknown"),
});

export interface FakeRlWorker {
  paused: boolean;
  label: string;
  /** Routes that say no, with a 200. */
  readonly refuses: Set<string>;
  /** Routes whose answers, as they are when asked for, are sent when what this returns resolves. */
  readonly delays: Map<string, () => Promise<void>>;
  readonly calls: string[];
  /** As discovery lists it. */
  routes: readonly string[];
}

export interface FakeRlWorkers {
  readonly url: string;
  readonly workers: readonly FakeRlWorker[];
  close(): Promise<void>;
}

export async function startRlWorkers(
  model: FakeModel,
  fleet: { readonly workers: readonly string[] },
): Promise<FakeRlWorkers> {
  const workers = fleet.workers.map((): FakeRlWorker => {
    const [refuses, delays] = [new Set<string>(), new Map<string, () => Promise<void>>()];
    return { paused: false, label: "initial", refuses, delays, calls: [], routes: ROUTES };
  });
  let loaded = "";
  const answers: Readonly<Record<string, (worker: FakeRlWorker, body: unknown) => object>> = {
    pause_generation(worker, body) {
      const { mode, clear_cache: clears } = pause.parse(body);
      worker.paused = true;
      model.pause(mode === "abort" ? "abort" : "keep");
      if (clears) model.retract();
      return {};
    },
    resume_generation(worker) {
      worker.paused = false;
      if (workers.every(({ paused }) => !paused)) model.resume();
      return {};
    },
    flush_cache: () => ({ flushed: model.flush() }),
    update_weights_from_disk(worker, body) {
      const { model_path: path, weight_version: label } = update.parse(body);
      if (!worker.paused) throw new Error("generation must be paused");
      if (loaded !== label) model.swap(path);
      loaded = label;
      model.flush();
      worker.label = label;
      return { weight_version: label };
    },
    get_weight_version: ({ label }) => ({ weight_version: label }),
  };
  const routes: Record<string, FakeRoute> = {
    "GET /v1/rl/workers": ({ reply }) => {
      const listed = workers.map(({ routes: known }, index) => ({
        namespace: "dynamo",
        component: "backend",
        endpoint: "rl",
        instance_id: { rawJSON: fleet.workers[index] },
        system_url: `${server.url}/w${index}`,
        world_size: 1,
        routes: known,
      }));
      const body = { protocol_version: 1, namespace: "dynamo", workers: listed };
      reply.text(200, encodeJson(body), "application/json");
    },
  };
  for (const [index, worker] of workers.entries()) {
    for (const [route, answer] of Object.entries(answers)) {
      routes[`POST /w${index}/engine/${route}`] = async ({ body, reply }) => {
        worker.calls.push(route);
        try {
          if (worker.refuses.has(route)) throw new Error("refused, on command");
          const told = answer(worker, body);
          await worker.delays.get(route)?.();
          reply.json(200, { status: "ok", ...told });
        } catch (thrown) {
          const message = thrown instanceof Error ? thrown.message : String(thrown);
          reply.json(200, { status: "error", message });
        }
      };
    }
  }
  const errorOf = (error: unknown): { status: number; body: unknown } =>
    error instanceof FakeError
      ? { status: error.status, body: { error: error.message } }
      : { status: 500, body: { error: String(error) } };
  const server = await startFakeServer(
    { routes, generates: [], errorOf },
    createFaults(),
    () => {},
    {},
  );
  return { url: server.url, workers, close: server.close };
}
