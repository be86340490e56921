/** Clients that take nothing, say nothing or come in crowds, on real sockets; the bound on readers runs on a virtual clock. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import { suite, test } from "node:test";
import { pino } from "pino";
import { createOpenGatekeeper } from "../../../server/api/auth/gatekeeper.ts";
import {
  createGrpcFront,
  type GrpcFront,
  type GrpcFrontOptions,
} from "../../../server/api/grpc/front.ts";
import { LIMITS } from "../../../server/limits.ts";
import { liveClock } from "../../../server/live-clock.ts";
import { createFakePublisher, fakeControl } from "../../support/front-fakes.ts";
import { encodeMessage } from "../../support/grpc-client.ts";
import { connectRaw, type RawConnection, rawPost } from "../../support/raw-http.ts";
import {
  createScriptedRollouts,
  type Script,
  type ScriptedRollouts,
} from "../../support/scripted-rollouts.ts";
import { type Serving, serveHttp } from "../../support/serve-http.ts";
import { settle, VirtualClock } from "../../support/virtual-clock.ts";

const STALL_MS = 1_000;
const TOKENS = 1_000_000;
const BODY = { id: "r-1", prompt_token_ids: [72], sampling: { max_new_tokens: TOKENS } };

const forever = new Promise<never>(() => {});
const stuck: Script = () => [
  { do: "tokens", count: 2, version: 7 },
  { do: "wait", until: forever },
];
/** More than kernels and windows hold, and an end that does not come. */
const flood: Script = () => [
  ...Array.from({ length: 50 }, () => ({ do: "tokens", count: 20_000, version: 7 }) as const),
  { do: "wait", until: forever },
];

/** Lets time pass until `holds()`; returns how much did. */
async function passUntil(clock: VirtualClock, holds: () => boolean): Promise<number> {
  const start = clock.now();
  while (!holds()) {
    assert.ok(clock.now() - start < 10 * (STALL_MS + 100 * TOKENS), "nobody was cut");
    await clock.advance(STALL_MS / 10);
    // What the sockets' own events have to do, they do between two steps.
    await settle();
  }
  return clock.now() - start;
}

suite("HTTP", () => {
  async function serving(
    over: Parameters<typeof serveHttp>[0],
    use: (serving: Serving, raw: RawConnection) => Promise<void>,
  ): Promise<void> {
    const open = await serveHttp(over);
    const raw = await connectRaw(open.port);
    try {
      await use(open, raw);
    } finally {
      raw.socket.destroy();
      await open.close();
    }
  }
  const stalling = (clock: VirtualClock, script?: Script) => ({
    clock,
    rollouts: createScriptedRollouts(script),
    options: { version: "0", stallMs: STALL_MS },
  });
  const ask = (path: string, body: unknown, accept: string): string =>
    rawPost(path, JSON.stringify(body), `accept: ${accept}\r\n`);

  const group = { ...BODY, size: 2 };
  for (const [name, path, body, accept] of [
    ["a Result", "/v1/rollouts", BODY, "application/json"],
    ["a Result as Arrow", "/v1/rollouts", BODY, "application/vnd.apache.arrow.stream"],
    ["a group", "/v1/groups", group, "application/json"],
    ["many", "/v1/rollouts/many", { rollouts: [BODY] }, "application/x-ndjson"],
    ["events", "/v1/rollouts", BODY, "text/event-stream"],
  ] as const) {
    test(`whoever takes nothing of ${name} is cut`, () => {
      const clock = new VirtualClock();
      return serving(stalling(clock), async ({ failed }, raw) => {
        raw.socket.write(ask(path, body, accept));
        await raw.until("HTTP/1.1 200");
        raw.socket.pause();
        const passed = await passUntil(clock, () => failed.length > 0);
        assert.ok(passed >= STALL_MS, `after ${passed} ms`);
        assert.deepEqual(
          failed.map(({ code }) => code),
          ["deadline_exceeded"],
        );
        raw.socket.resume();
        assert.doesNotMatch(await raw.closed(), /\r\n0\r\n\r\n$/);
      });
    });
  }

  test("a rollout whose stream's reader was cut stays, to be resumed", () => {
    const clock = new VirtualClock();
    return serving(stalling(clock, flood), async ({ rollouts }, raw) => {
      raw.socket.write(ask("/v1/rollouts", BODY, "text/event-stream"));
      await raw.until("event: placed");
      raw.socket.pause();
      const life = await rollouts.arrival("default", "r-1");
      await passUntil(clock, () => life.readers === 0);
      assert.equal(life.ended, false);
    });
  });

  test("whoever comes back in time gets all of it", () => {
    const clock = new VirtualClock();
    return serving(stalling(clock), async ({ failed }, raw) => {
      raw.socket.write(ask("/v1/rollouts", BODY, "application/json"));
      await raw.until("\r\n\r\n");
      raw.socket.pause();
      await clock.advance(STALL_MS - 1);
      raw.socket.resume();
      const [, length] = /content-length: (\d+)/.exec(raw.received()) ?? [];
      const whole = raw.received().indexOf("\r\n\r\n") + 4 + Number(length);
      while (raw.received().length < whole) await once(raw.socket, "data");
      assert.deepEqual(failed, []);
    });
  });

  test("requests beyond the bound that wait behind another of their connection are refused", () => {
    const rollouts = createScriptedRollouts(stuck);
    return serving({ rollouts }, async (_serving, raw) => {
      const more = 10;
      const pings = "GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n".repeat(LIMITS.httpPipelined + more);
      raw.socket.write(ask("/v1/rollouts", BODY, "application/json") + pings);
      const life = await rollouts.arrival("default", "r-1");
      await life.until(() => life.readers === 1);
      life.abort("need");
      const last = "GET /v1/nothing HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
      await raw.until('"overloaded"');
      raw.socket.write(last);
      const statuses = [...(await raw.closed()).matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, s]) => s);
      assert.deepEqual(statuses, [
        "200",
        ...Array.from({ length: LIMITS.httpPipelined }, () => "200"),
        ...Array.from({ length: more }, () => "429"),
        "404",
      ]);
    });
  });

  test("connections beyond the bound are closed unread, and counted", () =>
    serving({ options: { version: "0", connections: 1 } }, async ({ port, failed }, raw) => {
      const second = await connectRaw(port);
      assert.equal(await second.closed(), "");
      assert.deepEqual(
        failed.map(({ code }) => code),
        ["overloaded"],
      );
      raw.socket.write("GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n");
      await raw.until("HTTP/1.1 200");
    }));
});

suite("gRPC", () => {
  interface Ends {
    readonly front: GrpcFront;
    readonly port: number;
    readonly session: ClientHttp2Session;
    readonly failed: string[];
  }
  async function serving(
    over: Partial<GrpcFrontOptions>,
    use: (ends: Ends) => Promise<void>,
  ): Promise<void> {
    const failed: string[] = [];
    const clock = over.clock ?? liveClock;
    const front = createGrpcFront({
      rollouts: createScriptedRollouts(),
      mint: { id: () => "minted", seed: () => 1 },
      control: fakeControl(),
      readiness: { ready: () => true, listen: () => () => {} },
      clock,
      gate: createOpenGatekeeper({ rate: null, concurrency: null }, clock),
      audit: () => {},
      certificates: null,
      log: pino({ level: "silent" }),
      failed: ({ code }) => void failed.push(code),
      ...over,
    });
    const { port } = await front.listen("127.0.0.1", 0);
    const session = connect(`http://127.0.0.1:${port}`);
    session.on("error", () => {});
    await once(session, "connect");
    try {
      await use({ front, port, session, failed });
    } finally {
      session.destroy();
      await front.close(0);
    }
  }

  /** A call whose replies nobody reads until somebody does. */
  function call(session: ClientHttp2Session, path: string, message: Buffer): ClientHttp2Stream {
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    stream.on("error", () => {});
    stream.end(Buffer.concat([head, message]));
    return stream;
  }
  const ROLLOUT = encodeMessage("Rollout", BODY);
  const SERVICE = "/paceline.v1.RolloutService";

  /** `paceline.v1.PolicyService/Watch` of a publication that says something new without end. */
  function chatty() {
    const state = { watchers: 0 };
    const publisher = createFakePublisher();
    const progress = publisher.progress("default", 8);
    const watch = async function* () {
      state.watchers++;
      try {
        for (;;) yield progress;
      } finally {
        state.watchers--;
      }
    };
    return { state, control: { ...fakeControl(), publisher: { ...publisher, watch } } };
  }

  for (const [method, script] of [
    ["Generate", undefined],
    ["GenerateStream", flood],
    ["GenerateMany", undefined],
  ] as const) {
    test(`whoever takes nothing of ${method} is cut, and its connection lives on`, () => {
      const clock = new VirtualClock();
      const rollouts = createScriptedRollouts(script);
      const over = { clock, rollouts, stallMs: STALL_MS };
      return serving(over, async ({ session, failed }) => {
        const stream = call(session, `${SERVICE}/${method}`, ROLLOUT);
        const closed = new Promise((resolve) => stream.once("close", resolve));
        await once(stream, "response");
        const life = await rollouts.arrival("default", "r-1");
        const passed = await passUntil(clock, () => failed.length > 0);
        assert.ok(passed >= STALL_MS, `after ${passed} ms`);
        await life.until(() => life.readers === 0);
        assert.equal(life.ended, script === undefined);
        await closed;
        assert.equal(stream.rstCode, constants.NGHTTP2_ENHANCE_YOUR_CALM);
        assert.deepEqual(failed, ["deadline_exceeded"]);
        await healthy(session);
      });
    });
  }

  test("whoever takes nothing of Watch is cut, and no longer watched for", () => {
    const clock = new VirtualClock();
    const { state, control } = chatty();
    return serving({ clock, control, stallMs: STALL_MS }, async ({ session, failed }) => {
      const ref = encodeMessage("VersionRef", { policy: "default", version: 8 });
      const stream = call(session, "/paceline.v1.PolicyService/Watch", ref);
      await once(stream, "response");
      assert.equal(state.watchers, 1);
      await passUntil(clock, () => state.watchers === 0);
      assert.deepEqual(failed, ["deadline_exceeded"]);
    });
  });

  /** Asks the health service over the session, and is answered. */
  async function healthy(session: ClientHttp2Session): Promise<void> {
    const stream = call(session, "/grpc.health.v1.Health/Check", Buffer.of());
    const trailers = once(stream, "trailers");
    stream.resume();
    assert.equal((await trailers)[0]["grpc-status"], "0");
  }

  test("calls beyond the bound of one connection wait for those before them", () => {
    const rollouts = createScriptedRollouts(stuck);
    return serving({ rollouts, streamsPerConnection: 2 }, async ({ session }) => {
      await ping(session);
      assert.equal(session.remoteSettings.maxConcurrentStreams, 2);
      for (const id of ["r-1", "r-2", "r-3"]) {
        call(session, `${SERVICE}/Generate`, encodeMessage("Rollout", { ...BODY, id })).resume();
      }
      const first = await rollouts.arrival("default", "r-1");
      await rollouts.arrival("default", "r-2");
      await ping(session);
      assert.equal(rollouts.submitted.length, 2);
      first.abort("need");
      await rollouts.arrival("default", "r-3");
    });
  });

  test("connections beyond the bound are closed unread, and counted", () =>
    serving({ connections: 1 }, async ({ port, session, failed }) => {
      const second = await connectRaw(port);
      assert.equal(await second.closed(), "");
      assert.deepEqual(failed, ["overloaded"]);
      await healthy(session);
    }));

  test("a client that answers no ping is taken for dead, one that does is not", () => {
    const rollouts: ScriptedRollouts = createScriptedRollouts(stuck);
    return serving({ rollouts, pingMs: 20, pingAnswerMs: 200 }, async ({ port, session }) => {
      call(session, `${SERVICE}/GenerateStream`, ROLLOUT).resume();
      const dead = await connectRaw(port);
      // The preface and empty SETTINGS, and nothing ever again.
      dead.socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
      dead.socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
      await dead.closed();
      const life = rollouts.life("default", "r-1");
      assert.equal(life.readers, 1);
      await healthy(session);
    });
  });

  test("an idle connection is closed, one with a call is not", () => {
    const rollouts = createScriptedRollouts(stuck);
    return serving({ rollouts, idleMs: 30 }, async ({ port, session }) => {
      call(session, `${SERVICE}/GenerateStream`, ROLLOUT).resume();
      const life = await rollouts.arrival("default", "r-1");
      await life.until(() => life.readers === 1);
      // Two lives of an idle connection, one after the other.
      for (let i = 0; i < 2; i++) {
        const idle = connect(`http://127.0.0.1:${port}`);
        await once(idle, "close");
      }
      assert.equal(life.readers, 1);
      await healthy(session);
    });
  });

  const ping = (session: ClientHttp2Session): Promise<void> =>
    new Promise((resolve, reject) => {
      session.ping((error) => (error === null ? resolve() : reject(error)));
    });
});
