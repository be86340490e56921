/** One event of a stream in parts: nothing of ours comes between them, and half of one is the connection's end. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, test } from "node:test";
import Fastify from "fastify";
import { createStreams, type LiveStream } from "../../../../server/api/http/streams.ts";
import { VirtualClock } from "../../../support/virtual-clock.ts";

const clock = new VirtualClock();
const streams = createStreams(clock, { heartbeatMs: 1_000, controlStreams: 1 });
const app = Fastify();
let serve: (stream: LiveStream) => Promise<void> = () => Promise.resolve();
app.get("/", async (_, reply) => {
  const stream = streams.open(reply, "text/event-stream", "rollout");
  await serve(stream);
  stream.end();
});
const url = await app.listen({ port: 0, host: "127.0.0.1" });
after(() => app.close());

test("a heartbeat that is due amid an event waits until it is whole", async () => {
  serve = async (stream) => {
    async function* parts() {
      yield "data: a";
      await clock.advance(3_000);
      yield "b\n\n";
    }
    assert.equal(await stream.writeAll(parts()), true);
    await clock.advance(1_000);
  };
  const text = await (await fetch(url)).text();
  assert.equal(text, "data: ab\n\n:\n\n");
});

test("a part that cannot be had cuts the connection and is told", async () => {
  const failed = Promise.withResolvers<unknown>();
  serve = async (stream) => {
    async function* parts() {
      yield "data: a";
      throw new Error("gone");
    }
    await stream.writeAll(parts()).catch(failed.resolve);
    await once(stream.signal, "abort");
  };
  const reply = await fetch(url);
  await assert.rejects(reply.text());
  assert.match(String(await failed.promise), /gone/);
});
