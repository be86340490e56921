/** Reply streams on real ServerResponses over a socket that takes only what the test lets it take. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { Duplex } from "node:stream";
import { describe, test } from "node:test";
import { AFTER, type ToCompute } from "../../../../server/engine/server/messages.ts";
import { createReplies } from "../../../../server/engine/server/replies.ts";
import { LIMITS } from "../../../../server/limits.ts";
import { settle } from "../../../support/virtual-clock.ts";

/** Takes nothing until `release`, then everything. */
class Narrow extends Duplex {
  readonly written: Buffer[] = [];
  #waiting: (() => void)[] = [];
  #open = false;

  constructor() {
    super({ highWaterMark: 1_024 });
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(chunk);
    if (this.#open) done();
    else this.#waiting.push(done);
  }

  release(): void {
    this.#open = true;
    for (const done of this.#waiting.splice(0)) done();
  }
}

async function setUp() {
  const sent: ToCompute[] = [];
  const replies = createReplies((message) => void sent.push(message));
  const socket = new Narrow();
  const server = createServer();
  const request = once(server, "request");
  // Node's own door for streams that are no sockets.
  server.emit("connection", socket);
  socket.push("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  const [, response] = (await request) as [IncomingMessage, ServerResponse];
  const handle = replies.open(response);
  const write = (bytes: number, after: number = AFTER.more): void =>
    replies.batch(new ArrayBuffer(bytes), [handle, 0, bytes, after]);
  return { sent, socket, response, handle, write };
}

describe("replies", () => {
  test("a reply that its socket does not take is held once, and flows when it has drained", async () => {
    const { sent, socket, handle, write } = await setUp();
    write(1_000);
    assert.deepEqual(sent, [], "a little behind is nothing");
    write(LIMITS.engineSocketBytes);
    write(8);
    assert.deepEqual(sent, [{ type: "hold", handle }]);
    socket.release();
    await settle();
    assert.deepEqual(sent.slice(1), [{ type: "flow", handle }]);
    for (let i = 0; i < 100; i++) {
      write(1_000);
      await settle();
    }
    assert.equal(sent.length, 2, "a socket that takes it all is never slow");
  });

  test("a reader that leaves is dropped once, whatever comes later", async () => {
    const { sent, socket, response, handle, write } = await setUp();
    write(8);
    response.destroy();
    await settle();
    write(8);
    write(8, AFTER.end);
    socket.release();
    await settle();
    assert.deepEqual(sent, [{ type: "drop", handle }]);
  });

  test("a reply that ended drops nothing when its socket closes", async () => {
    const { sent, socket, response, write } = await setUp();
    socket.release();
    write(8, AFTER.end);
    await settle();
    response.destroy();
    await settle();
    assert.deepEqual(sent, []);
    assert.match(Buffer.concat(socket.written).toString("latin1"), /x-paceline-frames/);
  });

  test("beyond the limit of open replies the next one is overloaded", () => {
    const replies = createReplies(() => undefined);
    const open = (): number => replies.open(new ServerResponse(new IncomingMessage(new Socket())));
    for (let i = 0; i < LIMITS.engineStreams; i++) open();
    assert.throws(open, { code: "overloaded" });
  });
});
