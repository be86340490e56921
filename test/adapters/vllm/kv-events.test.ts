/** vLLM's cache events over a real socket: order, what is asked for again, and what is lost for good. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { describe, test } from "node:test";
import {
  changesOf,
  followKvEvents,
  type KvEventSource,
  parseSources,
} from "../../../adapters/vllm/kv-events.ts";
import { GREETING_BYTES, greeting, MessageCutter, message } from "../../../adapters/zmq/frames.ts";

const READY = Buffer.concat([Buffer.of(4, 6), Buffer.from("\x05READY", "latin1")]);

/** `[1.0, [{type: AllBlocksCleared}], 0]`. */
const CLEARED = Buffer.from(
  "93cb3ff00000000000009181a474797065b0416c6c426c6f636b73436c656172656400",
  "hex",
);

function numbered(sequence: number | bigint, payload: Buffer = CLEARED): Buffer[] {
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(BigInt(sequence));
  return [Buffer.from("topic"), number, payload];
}

/** The other end of ZMTP: greets, is ready, hands on what is said to it. */
function speak(socket: Socket, heard: (parts: readonly Buffer[]) => void): void {
  socket.write(Buffer.concat([greeting(), READY]));
  const cutter = new MessageCutter(1 << 20, heard);
  let head = Buffer.alloc(0);
  socket.on("error", () => {});
  socket.on("data", (bytes: Buffer) => {
    if (head.length >= GREETING_BYTES) cutter.push(bytes);
    else {
      head = Buffer.concat([head, bytes]);
      if (head.length >= GREETING_BYTES) cutter.push(head.subarray(GREETING_BYTES));
    }
  });
}

/** A router that sends again what lies in `kept`, from what it is asked for on. */
async function router(
  kept: ReadonlySet<number>,
): Promise<{ server: Server; port: number; asked: number[] }> {
  const asked: number[] = [];
  const server = createServer((socket) =>
    speak(socket, (parts) => {
      const from = Number(parts.at(-1)?.readBigUInt64BE());
      asked.push(from);
      for (const sequence of kept) {
        if (sequence >= from) socket.write(message(Buffer.alloc(0), ...numbered(sequence)));
      }
      socket.write(message(Buffer.alloc(0), ...numbered(2n ** 64n - 1n, Buffer.alloc(0))));
    }),
  );
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { server, port: (server.address() as AddressInfo).port, asked };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** What a follower hears of these numbers; ends when the last of them is heard. */
async function heardOf(
  sent: readonly number[],
  replayPort: number | null,
): Promise<(number | string)[]> {
  const port = await freePort();
  const source: KvEventSource = {
    rank: 0,
    endpoint: `tcp://127.0.0.1:${port}`,
    replayEndpoint: replayPort === null ? null : `tcp://127.0.0.1:${replayPort}`,
    topic: "",
  };
  const heard: (number | string)[] = [];
  const last = Promise.withResolvers<void>();
  const following = await followKvEvents(source, {
    changes(changes, sequence) {
      assert.deepEqual(changes, [{ type: "cleared" }]);
      heard.push(sequence);
      if (sequence === sent.at(-1)) last.resolve();
    },
    gap: (from, to) => heard.push(`gap ${from}-${to}`),
    lost: () => {},
  });
  const publisher = connect(port, "127.0.0.1");
  const subscribed = Promise.withResolvers<void>();
  speak(publisher, (parts) => {
    assert.deepEqual(parts, [Buffer.of(1)]);
    subscribed.resolve();
  });
  await subscribed.promise;
  for (const sequence of sent) publisher.write(message(...numbered(sequence)));
  await last.promise;
  following.close();
  publisher.destroy();
  return heard;
}

describe("cache events of vLLM", () => {
  test("come in order, wherever they begin", async () => {
    assert.deepEqual(await heardOf([7, 8, 9], null), [7, 8, 9]);
  });

  test("what was missed is asked for again, once, and the rest waits for it", async () => {
    const { server, port, asked } = await router(new Set([1, 2, 3, 4, 5]));
    assert.deepEqual(await heardOf([1, 4, 5], port), [1, 2, 3, 4, 5]);
    assert.deepEqual(asked, [2]);
    server.close();
  });

  test("what cannot be had again is a gap; so it is without anybody to ask, and after a restart", async () => {
    const { server, port } = await router(new Set([4]));
    assert.deepEqual(await heardOf([1, 4, 5], port), [1, "gap 2-4", 4, 5]);
    server.close();
    assert.deepEqual(await heardOf([1, 4], null), [1, "gap 2-4", 4]);
    assert.deepEqual(await heardOf([8, 0, 1], null), [8, "gap 9-0", 0, 1]);
  });

  test("sources are read from what the server says", () => {
    const told = {
      endpoint: "tcp://127.0.0.1:5557",
      replay_endpoint: "tcp://127.0.0.1:5558",
      topic: "kv",
      publisher: "zmq",
      buffer_steps: 10_000,
    };
    const source = { endpoint: told.endpoint, replayEndpoint: told.replay_endpoint, topic: "kv" };
    assert.deepEqual(parseSources({ 0: told }), [{ rank: 0, ...source }]);
    assert.deepEqual(parseSources({}), []);
    assert.throws(() => parseSources({ 0: { endpoint: 3 } }), { code: "engine_error" });
  });

  test("blocks are stored, in both of the forms that were seen, and dropped", () => {
    const text = (word: string): string =>
      (0xa0 + word.length).toString(16) + Buffer.from(word).toString("hex");
    const read = (hex: string) => changesOf(Buffer.from(hex, "hex"));
    const stored = {
      type: "stored",
      hashes: ["5"],
      parent: null,
      tokenIds: Uint32Array.of(7, 8),
      blockSize: 2,
      adapter: null,
    };
    const fields = [
      ["type", text("BlockStored")],
      ["block_hashes", "9105"],
      ["parent_block_hash", "c0"],
      ["token_ids", "920708"],
      ["block_size", "02"],
    ] as const;
    const array = fields.map(([, value]) => value).join("");
    const map = fields.map(([name, value]) => text(name) + value).join("");
    assert.deepEqual(read(`92009195${array}`), [stored]);
    assert.deepEqual(read(`93009185${map}00`), [stored]);
    assert.deepEqual(read(`92009192${text("BlockRemoved")}91c40201ff`), [
      { type: "removed", hashes: ["01ff"] },
    ]);
    // Of kinds that are not known there is nothing to say.
    assert.deepEqual(read(`92009191${text("SomethingNew")}`), []);
    // One token more than its blocks hold; no events; an event that is none.
    for (const bad of [`92009195${array.replace("920708", "9307080a")}`, "9200c0", "92009105"]) {
      assert.throws(() => read(bad), { code: "engine_error" });
    }
  });
});
