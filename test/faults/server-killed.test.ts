/** `kill -9` of the server while an engine stands still for it: the next one lets it run, and asks and heals what it holds. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request as forward } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { request } from "undici";
import { startEngineProcess } from "../conformance/engines/engine-process.ts";
import { STEP_1, STEP_2 } from "../support/live-server.ts";
import { kill, type ServerProcess, startServerProcess } from "../support/server-process.ts";

const VERSIONS = "/v1/policies/default/versions";
const folder = mkdtempSync(join(tmpdir(), "paceline-killed-"));
after(() => rmSync(folder, { recursive: true }));

interface Shown {
  readonly state: string;
  readonly versions: readonly { readonly version: number }[];
}

/** Passes everything on to the engine, until a call that it was told to `hold`: that one never arrives. */
async function startWire(target: string) {
  let held: { readonly path: string; readonly reached: () => void } | null = null;
  const server = createServer((incoming, outgoing) => {
    if (incoming.url === held?.path) {
      held?.reached();
      return;
    }
    const { method = "GET", headers } = incoming;
    const onward = forward(`${target}${incoming.url}`, { method, headers }, (reply) => {
      outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  return {
    url: `http://127.0.0.1:${address.port}`,
    hold(path: string): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = { path, reached: resolve };
      return promise;
    },
    release: () => {
      held = null;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Polls, bounded: a snapshot, not an event, is what is asked. */
async function workerIs({ call }: ServerProcess, is: (worker: Shown) => boolean): Promise<Shown> {
  for (let tries = 0; ; tries++) {
    const worker = await call<Shown>("GET", "/v1/workers/w");
    if (is(worker)) return worker;
    assert.ok(tries < 300, JSON.stringify(worker));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const holds =
  (version: number) =>
  ({ versions }: Shown): boolean =>
    versions.some((held) => held.version === version);

type Wire = Awaited<ReturnType<typeof startWire>>;

/** A server with one engine at version 1 does `before` and is killed; the next one finds the engine. */
async function twoLives(
  name: string,
  before: (life: ServerProcess, wire: Wire) => Promise<void>,
  then: (life: ServerProcess) => Promise<void>,
): Promise<void> {
  const store = join(folder, `${name}.sqlite`);
  const engine = await startEngineProcess({
    kind: "simulated",
    kvTokens: 65_536,
    maxRunning: 32,
    streamInterval: 4,
    simulated: { stepSeconds: 0.001 },
  });
  const wire = await startWire(engine.url);
  const lives: ServerProcess[] = [];
  const live = async (): Promise<ServerProcess> => {
    const life = await startServerProcess({ store, "probe-ms": 200 });
    lives.push(life);
    return life;
  };
  const registration = { url: wire.url, engine: "simulated", id: "w" };
  try {
    const first = await live();
    await first.call("PUT", "/v1/policies/default", {});
    await first.call("POST", "/v1/workers", registration);
    await first.call("POST", `${VERSIONS}?wait=committed`, { source: { path: STEP_1 } });
    await workerIs(first, (worker) => worker.state === "ready" && holds(1)(worker));
    await before(first, wire);
    await kill(first);
    wire.release();
    const info = (await (await request(`${engine.url}/info`)).body.json()) as { paused: boolean };
    assert.equal(info.paused, true, "it was to stand still");
    const second = await live();
    await second.call("POST", "/v1/workers", registration);
    await then(second);
  } finally {
    await Promise.all(lives.map(kill));
    engine.kill("SIGKILL");
    await engine.ended;
    wire.close();
  }
}

for (const [what, path] of [
  ["between pause and swap", "/weights/swap"],
  ["between swap and resume", "/resume"],
] as const) {
  test(`the server is killed ${what}`, { timeout: 60_000 }, async () => {
    await twoLives(
      what.replaceAll(" ", "-"),
      async ({ call }, wire) => {
        const reached = wire.hold(path);
        await call("POST", VERSIONS, { source: { path: STEP_2 } });
        await reached;
      },
      async (next) => {
        const { committed_version } = await next.call<{ committed_version: number }>(
          "GET",
          "/v1/policies/default",
        );
        assert.equal(committed_version, 2, "it is put in place once it is committed");
        await workerIs(next, (worker) => worker.state === "ready" && holds(2)(worker));
        const { spans } = await next.call<{ spans: { version: number }[] }>(
          "POST",
          "/v1/rollouts",
          { prompt_token_ids: [1, 2], sampling: { max_new_tokens: 16, ignore_eos: true } },
        );
        assert.deepEqual(
          spans.map(({ version }) => version),
          [2],
        );
      },
    );
  });
}

test("the server is killed while an engine stands still for its mover", {
  timeout: 60_000,
}, async () => {
  await twoLives(
    "gated",
    async ({ call }) => {
      await call("POST", VERSIONS, { source: { external: {} } });
      await call("POST", `${VERSIONS}/2/gate`);
    },
    async (next) => {
      await workerIs(next, (worker) => worker.state === "ready" && holds(1)(worker));
    },
  );
});

test("the server is killed while an operator's pause is on: it stays", {
  timeout: 60_000,
}, async () => {
  await twoLives(
    "paused",
    async ({ call }) => {
      await call("POST", "/v1/workers/w/pause", {});
    },
    async (next) => {
      assert.equal((await workerIs(next, holds(1))).state, "paused");
      await next.call("POST", "/v1/workers/w/resume", {});
      await workerIs(next, ({ state }) => state === "ready");
    },
  );
});
