/** Traces reach a collector over real HTTP, under the caller's trace; one that is not there costs no rollout. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createTraces } from "../../../server/telemetry/traces.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CALLER = `00-${TRACE}-b7ad6b7169203331-01`;

interface Collector {
  readonly url: string;
  readonly server: Server;
  readonly bodies: Buffer[];
}

async function collector(status = 200): Promise<Collector> {
  const bodies: Buffer[] = [];
  const server = createServer(async (request, response) => {
    bodies.push(Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)));
    response.writeHead(status).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/v1/traces`, server, bodies };
}

const clock = new VirtualClock();

test("a rollout and its attempts are spans of the caller's trace", async (t) => {
  const { url, server, bodies } = await collector();
  t.after(() => server.close());
  const traces = await createTraces({ url, version: "0", clock, dropped: assert.fail });
  const rollout = traces.rollout(CALLER, { "paceline.rollout": "r-1" });
  const first = rollout.attempt({ "paceline.worker": "w-1" });
  const second = rollout.attempt({ "paceline.worker": "w-2" });
  rollout.event("moved", { reason: "lost" });
  rollout.end({ "paceline.finish": "stop" }, null);
  const grammar = new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`);
  assert.match(first, grammar);
  assert.match(second, grammar);
  assert.notEqual(first, second);
  await traces.close();
  const sent = Buffer.concat(bodies);
  for (const word of ["rollout", "attempt", "w-1", "w-2", "moved", "paceline.finish"])
    assert.ok(sent.includes(word), word);
  assert.equal(sent.toString("hex").split(TRACE).length - 1, 3);
});

test("a wall clock that jumps while a rollout runs makes its spans neither longer nor empty", async (t) => {
  const { url, server, bodies } = await collector();
  t.after(() => server.close());
  for (const hours of [5, -5]) {
    const moving = new VirtualClock();
    const traces = await createTraces({ url, version: "0", clock: moving, dropped: assert.fail });
    const begun = moving.wall();
    const rollout = traces.rollout(CALLER, {});
    rollout.attempt({});
    moving.jumpWall(hours * 3_600_000);
    await moving.advance(500);
    rollout.end({}, null);
    await traces.close();
    const sent = Buffer.concat(bodies.splice(0));
    // OTLP's times are fixed64, ns.
    const times = (ms: number): number => {
      const ns = Buffer.alloc(8);
      ns.writeBigUInt64LE(BigInt(ms) * 1_000_000n);
      return sent.toString("hex").split(ns.toString("hex")).length - 1;
    };
    assert.deepEqual([times(begun), times(begun + 500)], [2, 2], `${hours} hours`);
  }
});

test("a caller that does not sample is not sampled here, and its trace still goes on", async (t) => {
  const { url, server, bodies } = await collector();
  t.after(() => server.close());
  const traces = await createTraces({ url, version: "0", clock, dropped: assert.fail });
  const rollout = traces.rollout(CALLER.replace(/01$/, "00"), {});
  assert.match(rollout.attempt({}), new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
  rollout.end({}, "engine_error");
  await traces.close();
  assert.deepEqual(bodies, []);
});

test("what a collector refuses is told with its count", async (t) => {
  const { url, server } = await collector(400);
  t.after(() => server.close());
  const dropped: number[] = [];
  const traces = await createTraces({
    url,
    version: "0",
    clock,
    dropped: (_error, spans) => dropped.push(spans),
  });
  traces.rollout(null, {}).end({}, null);
  await traces.close();
  assert.deepEqual(dropped, [1]);
});
