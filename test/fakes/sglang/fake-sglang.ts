/**
 * SGLang's wire on a real socket, with the demo policy's numbers: `POST /generate` and the control routes of 0.5.23,
 * manners and defects included: one id out of the vocabulary ends the whole server, as does a call to release memory
 * without the memory saver; a prompt's logprobs call the vocabulary's last id 0. Shapes are held against recordings of the real one by `fake-sglang.test.ts`.
 */
import { type CachePublisher, publishCache } from "../core/cache-publisher.ts";
import { createFakeModel, type FakeModel } from "../core/fake-model.ts";
import { FakeError, startFakeServer } from "../core/fake-server.ts";
import { createFaults, type FaultKind, type FaultOptions } from "../core/fault.ts";
import { controlRoutes } from "./control.ts";
import { GENERATE_ROUTES, generateRoutes } from "./generate.ts";
import { infoRoutes } from "./info.ts";
import type { FakeSglangOptions, SglangState } from "./state.ts";
import { weightRoutes } from "./weights.ts";

export interface FakeSglang {
  readonly url: string;
  readonly model: FakeModel;
  /** Null where it publishes nothing. */
  readonly cache: CachePublisher | null;
  /** NCCL groups that it has joined, by name: as it was asked. */
  readonly groups: ReadonlyMap<string, unknown>;
  fault(kind: FaultKind, options?: FaultOptions): void;
  clearFaults(): void;
  exit(): void;
  close(): Promise<void>;
}

export async function startFakeSglang(options: FakeSglangOptions = {}): Promise<FakeSglang> {
  const model = createFakeModel(options);
  const faults = createFaults();
  const cache = options.kvEvents ? await publishCache(model) : null;
  const served = options.served ?? "tiny";
  const state: SglangState = {
    model,
    options: {
      served,
      incremental: options.incremental ?? false,
      streamInterval: options.streamInterval ?? 1,
      deterministic: options.deterministic ?? false,
      samplingMaskMaxTokens: options.samplingMaskMaxTokens ?? 4_096,
      experts: options.experts ?? null,
      memorySaver: options.memorySaver ?? false,
      lora: options.lora ?? false,
      apiKey: options.apiKey ?? null,
      adminApiKey: options.adminApiKey ?? null,
      checksums: options.checksums ?? true,
      healthTimeoutMs: options.healthTimeoutMs ?? 200,
      kvEvents: options.kvEvents ?? false,
    },
    cache,
    modelPath: model.directory,
    servedName: served,
    released: new Set(),
    held: new Set(),
    rids: new Set(),
    groups: new Map(),
    finished: 0,
    exit: () => server.exit(),
  };
  const routes = {
    ...generateRoutes(state),
    ...infoRoutes(state),
    ...controlRoutes(state),
    ...weightRoutes(state),
  };
  const server = await startFakeServer(
    {
      routes,
      generates: GENERATE_ROUTES,
      errorOf,
      admit: (route, { authorization }) => admit(state.options, route, authorization),
    },
    faults,
    () => {
      cache?.close();
      model.die();
    },
    options,
  );
  return {
    url: server.url,
    model,
    cache,
    groups: state.groups,
    fault: faults.arm,
    clearFaults: faults.clear,
    exit: server.exit,
    async close() {
      cache?.close();
      await server.close();
    },
  };
}

/** Routes that anybody may call, and those that `--api-key` is for; whatever else changes the server. */
const OPEN = /^GET \/(health|ready|metrics)/;
const NORMAL = /^(GET \/|(POST|PUT) \/generate$)/;

function admit(
  { apiKey, adminApiKey }: SglangState["options"],
  route: string,
  authorization: string | undefined,
): void {
  const wanted = NORMAL.test(route) ? apiKey : (adminApiKey ?? apiKey);
  if (wanted === null || OPEN.test(route) || authorization === `Bearer ${wanted}`) return;
  throw new FakeError(401, "Unauthorized");
}

/** Of the native routes: a message and nothing else. */
function errorOf(error: unknown): { status: number; body: unknown } {
  const status = error instanceof FakeError ? error.status : 500;
  const message = error instanceof Error ? error.message : String(error);
  return { status, body: { error: { message } } };
}
