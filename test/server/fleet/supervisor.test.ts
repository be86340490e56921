import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import {
  type ChildCommand,
  createSupervisor,
  type Supervisor,
  type SupervisorOptions,
} from "../../../server/fleet/supervisor.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

/** A worker process in a line of script: `pipe` is its control pipe. */
function script(body: string): ChildCommand {
  const prelude = `
    const pipe = new (require("node:net").Socket)({ fd: 3, readable: true, writable: true });
    const ready = (url) => pipe.write(JSON.stringify({ url, incarnation: "i" }) + "\\n");
    pipe.on("close", () => process.exit(0));
    pipe.resume();`;
  return { command: process.execPath, args: ["-e", prelude + body], env: {} };
}

interface Told {
  readonly type: "ready" | "exit" | "log";
  readonly text: string;
}

interface Bench {
  readonly supervisor: Supervisor;
  readonly clock: VirtualClock;
  /** Everything told so far, in order. */
  readonly told: Told[];
  /** Resolves with the first thing of this kind, told already or later, that no earlier call took. */
  next(type: Told["type"], containing?: string): Promise<string>;
}

function supervise(
  child: ChildCommand,
  options: Partial<SupervisorOptions> = {},
  accept: (url: string) => unknown = () => null,
): Bench {
  const clock = new VirtualClock();
  const told: Told[] = [];
  const taken = new Set<Told>();
  let wake: () => void = () => {};
  const tell = (type: Told["type"], text: string): void => {
    told.push({ type, text });
    wake();
  };
  const supervisor = createSupervisor({
    clock,
    random: seededRandom(1),
    log: {
      warn: (fields: unknown, message?: unknown) =>
        tell("log", `${JSON.stringify(fields)} ${message}`),
    },
    child,
    options,
    onReady: ({ id, url }) => {
      tell("ready", `${id} ${url}`);
      return accept(url);
    },
    onExit: (id, reason) => tell("exit", `${id} ${reason}`),
  });
  return {
    supervisor,
    clock,
    told,
    async next(type, containing = "") {
      for (;;) {
        const found = told.find(
          (entry) => entry.type === type && entry.text.includes(containing) && !taken.has(entry),
        );
        if (found) {
          taken.add(found);
          return found.text;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

test("children tell where they serve, and end on SIGTERM", async () => {
  const { supervisor, next } = supervise(script(`ready("http://127.0.0.1:" + process.pid);`));
  supervisor.start(["w-1", "w-2"]);
  const urls = [await next("ready", "w-1"), await next("ready", "w-2")];
  const pids = supervisor.pids();
  assert.deepEqual(urls, [
    `w-1 http://127.0.0.1:${pids.get("w-1")}`,
    `w-2 http://127.0.0.1:${pids.get("w-2")}`,
  ]);
  assert.deepEqual(
    supervisor.states().map(({ state }) => state),
    ["serving", "serving"],
  );
  await supervisor.stop(60_000);
  assert.deepEqual(
    [await next("exit", "w-1"), await next("exit", "w-2")],
    ["w-1 signal SIGTERM", "w-2 signal SIGTERM"],
  );
  assert.equal(supervisor.pids().size, 0);
});

test("a child that was killed is started again", async () => {
  const { supervisor, clock, next } = supervise(script(`ready("http://x:" + process.pid);`));
  supervisor.start(["w-1"]);
  const first = await next("ready");
  process.kill(supervisor.pids().get("w-1") ?? 0, "SIGKILL");
  assert.equal(await next("exit"), "w-1 signal SIGKILL");
  assert.equal(supervisor.states()[0]?.state, "waiting");
  await clock.advance(250);
  assert.notEqual(await next("ready"), first);
  await supervisor.stop(60_000);
});

test("a crash loop is slowed down, and seen; a steady child ends it", async () => {
  const { supervisor, clock, next } = supervise(script("process.exit(3);"), { steadyMs: 5_000 });
  const delays: number[] = [];
  supervisor.start(["w-1"]);
  for (let i = 1; i <= 4; i++) {
    assert.equal(await next("exit"), "w-1 exit code 3");
    assert.equal(supervisor.states()[0]?.failures, i);
    const { restart_ms } = JSON.parse((await next("log", "restart_ms")).replace(/ worker.*/, ""));
    delays.push(restart_ms);
    await clock.advance(restart_ms + 1);
  }
  const exact = [200, 400, 800, 1_600];
  for (const [i, delay] of delays.entries()) {
    const expected = exact[i] ?? 0;
    assert.ok(Math.abs(delay - expected) <= expected / 4, `delay ${i}: ${delay} ms`);
  }
  // The fifth runs already; for the supervisor it lives long.
  await clock.advance(5_000);
  await next("exit");
  assert.equal(supervisor.states()[0]?.failures, 1);
  assert.equal(supervisor.states()[0]?.reason, "exit code 3");
  await supervisor.stop(60_000);
  assert.equal(supervisor.states()[0]?.state, "stopped");
});

test("a command that does not exist is a crash loop, not a crash", async () => {
  const { supervisor, clock, next } = supervise({
    command: "/nowhere/paceline",
    args: [],
    env: {},
  });
  supervisor.start(["w-1"]);
  assert.match(await next("exit"), /ENOENT/);
  await clock.advance(300);
  assert.match(await next("exit"), /ENOENT/);
  await supervisor.stop(60_000);
});

test("a child that ignores SIGTERM is killed after the grace", async () => {
  const { supervisor, clock, next } = supervise(
    script(`process.on("SIGTERM", () => console.error("not yet")); ready("http://x");`),
  );
  supervisor.start(["w-1"]);
  await next("ready");
  const stopped = supervisor.stop(3_000);
  await next("log", "not yet");
  await clock.advance(2_999);
  assert.equal(supervisor.pids().size, 1);
  await clock.advance(1);
  await stopped;
  assert.equal(await next("exit"), "w-1 signal SIGKILL");
});

test("a child that never serves is killed and started again", async () => {
  const { supervisor, clock, next } = supervise(script(`console.error("loading");`), {
    readyMs: 10_000,
  });
  supervisor.start(["w-1"]);
  await next("log", "loading");
  assert.equal(supervisor.states()[0]?.state, "starting");
  await clock.advance(10_000);
  assert.equal(await next("exit"), "w-1 signal SIGKILL");
  await clock.advance(250);
  await next("log", "loading");
  await supervisor.stop(60_000);
});

test("a child that is not accepted is offered again while it lives", async () => {
  let refusals = 2;
  const bench = supervise(script(`ready("http://x");`), {}, async () => {
    if (refusals-- > 0) throw new Error("the fleet is busy");
  });
  const { supervisor, clock, next, told } = bench;
  supervisor.start(["w-1"]);
  for (const _ of [1, 2]) {
    await next("ready");
    await next("log", "the fleet is busy");
    await clock.advance(500);
  }
  await next("ready");
  await clock.advance(60_000);
  assert.equal(told.filter(({ type }) => type === "ready").length, 3);
  await supervisor.stop(60_000);
});

test("what a child says is forwarded with its id; nonsense on the pipe does no harm", async () => {
  const { supervisor, next, told } = supervise(
    script(`console.error("hello"); pipe.write("nonsense\\n{}\\n[1]\\n"); ready("http://x");`),
  );
  supervisor.start(["w-1"]);
  assert.match(await next("log", "hello"), /"worker":"w-1"/);
  await next("log", "not an address: nonsense");
  await next("log", "not an address: {}");
  await next("log", "not an address: [1]");
  await next("ready");
  assert.ok(!told.some(({ type }) => type === "exit"));
  await supervisor.stop(60_000);
});

test("children end when their supervisor is gone, however it ended", async () => {
  // The child keeps a connection to us: that it closes is how we hear of the end of a process that is not ours.
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const child = script(`require("node:net").connect(${port}, "127.0.0.1");`);
  const supervisorUrl = new URL("../../../server/fleet/supervisor.ts", import.meta.url).href;
  const clockUrl = new URL("../../../server/live-clock.ts", import.meta.url).href;
  const parent = spawn(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `import { createSupervisor } from ${JSON.stringify(supervisorUrl)};
       import { createLiveRandom, liveClock } from ${JSON.stringify(clockUrl)};
       createSupervisor({
         clock: liveClock, random: createLiveRandom(), log: { warn() {} },
         child: ${JSON.stringify(child)}, onReady() {}, onExit() {},
       }).start(["w-1"]);`,
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  const [socket] = (await once(server, "connection")) as [Socket];
  socket.on("error", () => {});
  socket.resume();
  const ended = once(socket, "close");
  parent.kill("SIGKILL");
  await ended;
  server.close();
});
