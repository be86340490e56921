/** Replies that stay open: readers that leave, come back, or take nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createTokenGatekeeper } from "../../../../server/api/auth/gatekeeper.ts";
import type { LifeCycle } from "../../../../server/telemetry/life-cycle.ts";
import type { SseEvent } from "../../../support/http-client.ts";
import { connectRaw, rawPost } from "../../../support/raw-http.ts";
import { createScriptedRollouts, type Script } from "../../../support/scripted-rollouts.ts";
import { type Serving, serveHttp } from "../../../support/serve-http.ts";
import { type TestToken, testToken } from "../../../support/tokens.ts";
import { VirtualClock } from "../../../support/virtual-clock.ts";

const BODY = { id: "r-1", prompt_token_ids: [72], sampling: { max_new_tokens: 4 } };
const SSE = { accept: "text/event-stream" };

const stuck: Script = () => [
  { do: "tokens", count: 2, version: 7 },
  { do: "wait", until: new Promise(() => {}) },
];

async function using(
  serving: Promise<Serving>,
  use: (serving: Serving) => Promise<void>,
): Promise<void> {
  const open = await serving;
  try {
    await use(open);
  } finally {
    await open.close();
  }
}

async function collect(events: AsyncIterable<SseEvent>): Promise<SseEvent[]> {
  const seen: SseEvent[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}

test("a reader that comes back gets what it has not read, and nothing twice", () =>
  using(serveHttp(), async ({ client }) => {
    const first = await collect(client.sse("POST", "/v1/rollouts", { body: BODY }));
    assert.deepEqual(
      first.map(({ event }) => event),
      ["accepted", "placed", "tokens", "tokens", "finished"],
    );
    const headers = { "last-event-id": "2" };
    const again = await collect(client.sse("GET", "/v1/rollouts/r-1", { headers }));
    assert.deepEqual(again, first.slice(3));
    const all = await collect(client.sse("GET", "/v1/rollouts/r-1"));
    assert.deepEqual(all, first);
  }));

test("a reader that has seen all of a finished rollout gets an end, one that saw more is told", () =>
  using(serveHttp(), async ({ client }) => {
    const seen = await collect(client.sse("POST", "/v1/rollouts", { body: BODY }));
    const resume = (id: string) =>
      collect(client.sse("GET", "/v1/rollouts/r-1", { headers: { "last-event-id": id } }));
    assert.deepEqual(await resume(String(seen.at(-1)?.id)), []);
    await assert.rejects(resume("5"), {
      code: "conflict",
      details: { path: "last-event-id", events: 5 },
    });
    await assert.rejects(resume("x"), { code: "invalid_argument" });
  }));

test("two readers of one stream each get all of it; the first to leave ends nothing", () => {
  const { promise: later, resolve: go } = Promise.withResolvers<void>();
  const script: Script = () => [
    { do: "tokens", count: 2, version: 7 },
    { do: "wait", until: later },
    { do: "tokens", count: 2, version: 7 },
  ];
  return using(serveHttp({ rollouts: createScriptedRollouts(script) }), async (serving) => {
    const { client, rollouts, port } = serving;
    const raw = await connectRaw(port);
    raw.socket.write(
      rawPost("/v1/rollouts", JSON.stringify(BODY), "accept: text/event-stream\r\n"),
    );
    await raw.until("id: 2");
    const second = collect(client.sse("GET", "/v1/rollouts/r-1"));
    const third = collect(
      client.sse("GET", "/v1/rollouts/r-1", { headers: { "last-event-id": "1" } }),
    );
    const life = rollouts.life("default", "r-1");
    await life.until(() => life.readers === 3);
    raw.socket.resetAndDestroy();
    await life.until(() => life.readers === 2);
    assert.equal(life.ended, false);
    go();
    const whole = await second;
    assert.deepEqual(
      whole.map(({ event }) => event),
      ["accepted", "placed", "tokens", "tokens", "finished"],
    );
    assert.deepEqual(await third, whole.slice(2));
  });
});

test("readers of a server that drains get the end of their rollout, with what it made", () =>
  using(serveHttp({ rollouts: createScriptedRollouts(stuck) }), async ({ client, rollouts }) => {
    const reading = collect(client.sse("POST", "/v1/rollouts", { body: BODY }));
    const life = await rollouts.arrival("default", "r-1");
    await life.until(() => life.readers === 1 && life.progress().outputTokens === 2);
    await rollouts.drain(0);
    const last = (await reading).at(-1);
    assert.equal(last?.event, "finished");
    const reason = Reflect.get(Object(last?.data), "finish_reason");
    assert.equal(Reflect.get(Object(reason), "cause"), "drain");
  }));

test("arrays travel as base64 where the rollout says so, in a stream too", () =>
  using(serveHttp(), async ({ client }) => {
    const b64 = { ...BODY, encoding: "b64", prompt_token_ids: "SAAAAA==" };
    const tokens = (await collect(client.sse("POST", "/v1/rollouts", { body: b64 }))).filter(
      ({ event }) => event === "tokens",
    );
    const ids = Uint32Array.of(13, 7_932);
    assert.equal(
      Reflect.get(Object(tokens[0]?.data), "output_token_ids"),
      Buffer.from(ids.buffer).toString("base64"),
    );
    const reply = await client.call("GET", "/v1/rollouts/r-1?encoding=b64");
    assert.equal(typeof Reflect.get(Object(reply.json()), "logprobs"), "string");
  }));

test("a refused stream is an error with its status, not a 200", () =>
  using(serveHttp(), async ({ client }) => {
    const reply = await client.call("POST", "/v1/rollouts", { body: {}, headers: SSE });
    assert.equal(reply.status, 400);
    assert.match(String(reply.headers["content-type"]), /^application\/json/);
  }));

for (const [how, leave] of [
  ["resets", (socket: { resetAndDestroy(): void }) => socket.resetAndDestroy()],
  ["hangs up", (socket: { end(): void }) => socket.end()],
] as const) {
  test(`a unary caller that ${how} ends its rollout`, () =>
    using(serveHttp({ rollouts: createScriptedRollouts(stuck) }), async ({ port, rollouts }) => {
      const raw = await connectRaw(port);
      raw.socket.write(rawPost("/v1/rollouts", JSON.stringify(BODY)));
      const life = await rollouts.arrival("default", "r-1");
      await life.until(() => life.readers === 1);
      leave(raw.socket);
      assert.equal((await life.result()).finishReason.cause, "client");
    }));
}

test("a unary caller that stays is not taken for one that left", () => {
  let go: () => void = () => {};
  const script: Script = () => [
    { do: "wait", until: new Promise<void>((resolve) => (go = resolve)) },
    { do: "tokens", count: 4, version: 7 },
  ];
  return using(serveHttp({ rollouts: createScriptedRollouts(script) }), async (serving) => {
    const { client, rollouts } = serving;
    const answered = client.call("POST", "/v1/rollouts", { body: BODY });
    const life = await rollouts.arrival("default", "r-1");
    await life.until(() => life.readers === 1);
    // A turn of the loop after the body was read, when fastify's own signal has long fired.
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(life.readers, 1);
    go();
    const reply = await answered;
    assert.equal(
      Reflect.get(Object(Reflect.get(Object(reply.json()), "finish_reason")), "cause"),
      "max_new",
    );
    await life.until(() => life.readers === 0);
  });
});

test("of two callers of one rollout the first may leave", () =>
  using(serveHttp({ rollouts: createScriptedRollouts(stuck) }), async ({ client, rollouts }) => {
    const leaving = new AbortController();
    const first = client
      .call("POST", "/v1/rollouts", { body: BODY, signal: leaving.signal })
      .catch((error: unknown) => error);
    const second = client.call("POST", "/v1/rollouts", { body: BODY });
    const life = await rollouts.arrival("default", "r-1");
    await life.until(() => life.readers === 2);
    leaving.abort();
    await first;
    await life.until(() => life.readers === 1);
    assert.equal(life.ended, false);
    await rollouts.abort("default", "r-1", "need");
    assert.equal((await second).status, 200);
  }));

test("a slow reader gets all of it, and nothing piles up but the log", () => {
  const chunks = Array.from(
    { length: 200 },
    () => ({ do: "tokens", count: 2_000, version: 7 }) as const,
  );
  return using(serveHttp({ rollouts: createScriptedRollouts(() => chunks) }), async (serving) => {
    const raw = await connectRaw(serving.port);
    raw.socket.write(
      rawPost("/v1/rollouts", JSON.stringify(BODY), "accept: text/event-stream\r\n"),
    );
    await raw.until("event: placed");
    raw.socket.pause();
    const life = await serving.rollouts.arrival("default", "r-1");
    await life.result();
    raw.socket.resume();
    await raw.until("event: finished");
    assert.equal(raw.received().split("event: tokens").length - 1, 200);
    raw.socket.destroy();
  });
});

test("an idle stream shows signs of life, to proxies' liking", () => {
  const clock = new VirtualClock();
  return using(
    serveHttp({ rollouts: createScriptedRollouts(stuck), clock, options: { version: "0" } }),
    async ({ client }) => {
      const events = client.sse("POST", "/v1/rollouts", { body: BODY });
      for (const expected of ["accepted", "placed", "tokens"]) {
        assert.equal((await events.next()).value?.event, expected);
      }
      await clock.advance(15_000);
      assert.equal((await events.next()).value?.event, ":");
      await clock.advance(15_000);
      assert.equal((await events.next()).value?.event, ":");
    },
  );
});

test("a publication is watched to its end", () =>
  using(serveHttp(), async ({ client }) => {
    const seen = await collect(client.sse("GET", "/v1/policies/default/versions/8"));
    assert.deepEqual(
      seen.map(({ event, data }) => [event, Reflect.get(Object(data), "state")]),
      [
        ["progress", "transferring"],
        ["progress", "committed"],
        ["progress", "installed"],
      ],
    );
    const body = { source: { path: "/w" } };
    const waited = await client.call("POST", "/v1/policies/default/versions?wait=committed", {
      body,
    });
    assert.equal(waited.status, 200);
    assert.equal(Reflect.get(Object(waited.json()), "state"), "committed");
  }));

const emit = (lifeCycle: LifeCycle, count: number): void => {
  for (let i = 0; i < count; i++) lifeCycle.emit("worker", { worker: `w-${lifeCycle.next}` });
};

test("life-cycle events come from an offset, then as they happen", () =>
  using(serveHttp(), async ({ client, lifeCycle }) => {
    emit(lifeCycle, 3);
    const events = client.sse("GET", "/v1/events?from=1");
    assert.equal((await events.next()).value?.id, "1");
    assert.equal((await events.next()).value?.id, "2");
    const later = events.next();
    emit(lifeCycle, 1);
    const { value } = await later;
    assert.deepEqual([value?.id, value?.event], ["3", "worker"]);
    assert.equal(Reflect.get(Object(value?.data), "worker"), "w-3");
  }));

test("NDJSON without following ends after what is there; a gap and a reset are told", () =>
  using(serveHttp(), async ({ client, lifeCycle }) => {
    // The ring holds 8.
    emit(lifeCycle, 10);
    const lines = async (query: string): Promise<unknown[]> =>
      (await client.call("GET", `/v1/events?follow=false&${query}`)).text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
    const gap = await lines("from=0");
    assert.equal(gap.length, 9);
    assert.deepEqual(gap[0], { offset: 1, type: "gap", lost: 2 });
    const reset = await lines("from=1000");
    assert.equal(reset.length, 9);
    assert.deepEqual(reset[0], { offset: 1, type: "reset" });
    assert.equal((await lines("from=9")).length, 1);
  }));

test("more readers of events than the limit are refused; one that leaves makes room", () =>
  using(serveHttp({ options: { version: "0", controlStreams: 1 } }), async (serving) => {
    const { client, lifeCycle } = serving;
    emit(lifeCycle, 1);
    const leaving = new AbortController();
    const first = client.sse("GET", "/v1/events", { signal: leaving.signal });
    await first.next();
    const refused = await client.call("GET", "/v1/events", { headers: SSE });
    assert.equal(refused.status, 429);
    leaving.abort();
    await first.next().catch(() => {});
    for (let status = 429; status === 429; ) {
      status = (await client.call("GET", "/v1/events?follow=false")).status;
    }
  }));

test("closing ends readers of events at once", async () => {
  const serving = await serveHttp();
  emit(serving.lifeCycle, 1);
  const events = serving.client.sse("GET", "/v1/events");
  await events.next();
  const ended = events.next();
  const closed = serving.front.close();
  assert.equal((await ended).done, true);
  await serving.client.close();
  await closed;
});

test("a token bound to jobs sees their events and the fleet's, not other jobs' nor who controls", () => {
  const bound = testToken({ scope: "read", jobs: new Set(["mine"]) });
  const free = testToken({ name: "free", scope: "read" });
  const gate = createTokenGatekeeper([bound.entry, free.entry], new VirtualClock());
  return using(serveHttp({ gate }), async ({ client, lifeCycle }) => {
    lifeCycle.emit("rollout_accepted", { job: "other", rollout: "r-1" });
    lifeCycle.emit("rollout_accepted", { job: "mine", rollout: "r-2" });
    lifeCycle.emit("control", { who: "ops", call: "pauseWorker" });
    lifeCycle.emit("worker", { worker: "w-1" });
    const offsets = async ({ headers }: TestToken): Promise<(string | null)[]> =>
      (await collect(client.sse("GET", "/v1/events?follow=false", { headers }))).map(
        ({ id }) => id,
      );
    assert.deepEqual(await offsets(bound), ["1", "3"]);
    assert.deepEqual(await offsets(free), ["0", "1", "2", "3"]);
  });
});
