/**
 * Callers that misbehave, on real sockets against a whole server over simulated engines: whatever they do, nothing of
 * theirs goes on afterwards, and the next caller is served. `PACELINE_LEAVERS=100000` sends more of those who leave.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { collectedHeap } from "../support/collected-heap.ts";
import { connectRaw, rawPost } from "../support/raw-http.ts";
import { expect, type Failure, type SimulatedFleet, withFleet } from "./simulated-fleet.ts";

const LEAVERS = Number(process.env["PACELINE_LEAVERS"] ?? 10_000);
/** Calls written to one connection one after another, as a pipelining client does. */
const PIPELINED = 100;
/** Kept per caller that left, at most: its tombstone, and no tokens. */
const LEFT_BYTES = 3_000;

const body = (id: string, tokens: number, over: object = {}) => ({
  id,
  prompt_token_ids: [72, 105],
  sampling: { max_new_tokens: tokens, ignore_eos: true, seed: 7 },
  ...over,
});
const LONG = 50_000;

const portOf = ({ server }: SimulatedFleet): number => Number(new URL(server.http).port);

async function quiet({ metric, server }: SimulatedFleet): Promise<void> {
  // A snapshot, not an event, is what is asked.
  for (let look = 0; (await metric("paceline_inflight")) > 0; look++) {
    assert.ok(look < 1_000, "rollouts of nobody go on");
    await wait(20);
  }
  assert.equal(await metric("paceline_queue_depth"), 0);
  expect(200, await server.call("POST", "/v1/rollouts", body(`q-${performance.now()}`, 4)));
  assert.equal(await metric("paceline_errors_total", 'code="internal"'), 0);
}

type Leave = (fleet: SimulatedFleet) => Promise<void>;

async function leaves(fleet: SimulatedFleet, sent: string, how: "reset" | "half-close") {
  const raw = await connectRaw(portOf(fleet));
  raw.socket.write(sent);
  if (how === "reset") {
    await new Promise((resolve) => setImmediate(resolve));
    raw.socket.resetAndDestroy();
  } else raw.socket.end();
  await raw.closed();
}

const whole = (id: string): string => rawPost("/v1/rollouts", JSON.stringify(body(id, LONG)));

const LEAVINGS: readonly (readonly [name: string, leave: Leave])[] = [
  ["resets inside its body", (fleet) => leaves(fleet, whole("a").slice(0, -9), "reset")],
  [
    "closes its side inside its body",
    (fleet) => leaves(fleet, whole("b").slice(0, -9), "half-close"),
  ],
  ["resets after its body", (fleet) => leaves(fleet, whole("c"), "reset")],
  [
    "resets a stream once it runs",
    async (fleet) => {
      const raw = await connectRaw(portOf(fleet));
      const text = JSON.stringify(body("d", LONG));
      raw.socket.write(rawPost("/v1/rollouts", text, "accept: text/event-stream\r\n"));
      await raw.until("event: tokens");
      raw.socket.resetAndDestroy();
      await raw.closed();
    },
  ],
];

describe("a caller that", { timeout: 110_000 }, () => {
  for (const [name, leave] of LEAVINGS) {
    test(name, () =>
      withFleet({ engines: 1, settings: { detach_ms: 20 } }, async (fleet) => {
        await leave(fleet);
        await quiet(fleet);
      }),
    );
  }

  test("uses an id for another body, whatever state the first is in", () =>
    withFleet({ engines: 1 }, async (fleet) => {
      const { call } = fleet.server;
      const conflicts = async (id: string): Promise<void> => {
        const other = await call<Failure>("POST", "/v1/rollouts", body(id, 5));
        expect(409, other);
        assert.equal(other.body.error.code, "conflict");
      };
      const held = call("POST", "/v1/rollouts", body("held", 4, { version: { min: 9 } }));
      const running = call("POST", "/v1/rollouts", body("running", LONG));
      expect(200, await call("POST", "/v1/rollouts", body("finished", 4)));
      await stateIs(fleet, "running", "running");
      await stateIs(fleet, "held", "held", "queued");
      for (const id of ["held", "running", "finished"]) await conflicts(id);
      for (const id of ["held", "running"]) await call("DELETE", `/v1/rollouts/${id}`);
      await Promise.all([held, running]);
      for (const id of ["running", "finished"]) await conflicts(id);
      await quiet(fleet);
    }));

  test("aborts in every state gets an answer, and so does who waits", () =>
    withFleet({ engines: 1 }, async (fleet) => {
      const { call } = fleet.server;
      const abort = (id: string) => call<Failure>("DELETE", `/v1/rollouts/${id}`);
      const fill = Array.from({ length: 40 }, (_, i) =>
        call("POST", "/v1/rollouts", body(`fill-${i}`, LONG)),
      );
      const held = call("POST", "/v1/rollouts", body("held", 4, { version: { min: 9 } }));
      await stateIs(fleet, "fill-0", "running");
      await stateIs(fleet, "held", "held", "queued");
      // Of forty on 32 places some wait; all end, each in its state.
      for (const id of ["held", ...fill.keys().map((i) => `fill-${i}`)]) {
        const reply = await abort(id);
        assert.ok(reply.status < 500 || reply.body.error.code !== "internal", `${reply.status}`);
      }
      await Promise.all([held, ...fill]);
      expect(200, await call("POST", "/v1/rollouts", body("over", 4)));
      expect(200, await abort("over"));
      expect(404, await abort("nobody"));
      await quiet(fleet);
    }));

  test(`sends and leaves, ${LEAVERS} times`, () =>
    withFleet({ engines: 1, settings: { result_ttl_ms: 50 } }, async (fleet) => {
      await quiet(fleet);
      const before = collectedHeap();
      for (let from = 0; from < LEAVERS; from += PIPELINED) {
        const calls = Array.from({ length: PIPELINED }, (_, i) => whole(`l-${from + i}`));
        await leaves(fleet, calls.join(""), "reset");
      }
      await quiet(fleet);
      const kept = collectedHeap() - before;
      console.log(`# ${Math.round(kept / LEAVERS)} bytes kept for each of ${LEAVERS} who left`);
      assert.ok(kept < LEAVERS * LEFT_BYTES + 16 * 1024 * 1024, `${kept} bytes are kept`);
    }));
});

async function stateIs({ server }: SimulatedFleet, id: string, ...states: string[]): Promise<void> {
  for (let look = 0; ; look++) {
    const { body: now } = await server.call<{ state?: string }>("GET", `/v1/rollouts/${id}`);
    if (now.state !== undefined && states.includes(now.state)) return;
    assert.ok(look < 1_000, `${id} is ${JSON.stringify(now).slice(0, 300)}`);
    await wait(5);
  }
}
