/** Engines' cache events over a real socket: order, what is asked for again, and what is lost for good. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { describe, test } from "node:test";
import type { CacheChange, CacheFollower } from "../../../adapters/engine.ts";
import { changesOf } from "../../../adapters/kv-events/changes.ts";
import { followSources, type KvEventSource } from "../../../adapters/kv-events/follow.ts";
import { parseSources as sglangSources } from "../../../adapters/sglang/kv-events.ts";
import { parseSources } from "../../../adapters/vllm/kv-events.ts";
import { message } from "../../../adapters/zmq/frames.ts";
import { pack } from "../../fakes/core/pack.ts";
import { numbered, speak } from "../../fakes/core/zmq-peer.ts";

const BOUNDS = { messageBytes: 1 << 20, messagesHeld: 64 };

/** `[1.0, [{type: BlockRemoved, block_hashes: [number]}], 0]`: a message that can be told from others. */
const told = (sequence: number): Buffer =>
  pack([1, [{ type: "BlockRemoved", block_hashes: [sequence] }], 0]);

const whole = (sequence: number): Buffer =>
  message(Buffer.from("topic"), ...numbered(sequence, told(sequence)));

/** A router that sends again what it has, from what it is asked for on: the first list, when it is asked again the next. */
async function router(
  ...had: readonly (readonly number[])[]
): Promise<{ server: Server; port: number; asked: number[] }> {
  const asked: number[] = [];
  const server = createServer((socket) =>
    speak(socket, "ROUTER", (parts) => {
      const from = Number(parts.at(-1)?.readBigUInt64BE());
      asked.push(from);
      for (const sequence of had[asked.length - 1] ?? had.at(-1) ?? []) {
        if (sequence >= from) socket.write(whole(sequence));
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

/** What a follower hears of these numbers, in this order of the two sockets: first what is sent again; ends when `end` is heard. */
async function heardOf(
  sent: readonly number[],
  replayPort: number | null,
  end = sent.at(-1),
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
  const follower: CacheFollower = {
    changes(slot, changes) {
      assert.equal(slot, 0);
      for (const change of changes) {
        assert.equal(change.type, "removed");
        const sequence = Number(change.hashes[0]);
        heard.push(sequence);
        if (sequence === end) last.resolve();
      }
    },
    gap: () => heard.push("gap"),
    lost: () => {},
  };
  const following = await followSources([source], "127.0.0.1", follower, BOUNDS);
  assert.ok(following);
  const publisher = connect(port, "127.0.0.1");
  const subscribed = Promise.withResolvers<void>();
  speak(publisher, "PUB", (parts) => {
    assert.deepEqual(parts, [Buffer.of(1)]);
    subscribed.resolve();
  });
  await subscribed.promise;
  for (const sequence of sent) publisher.write(whole(sequence));
  await last.promise;
  following.close();
  publisher.destroy();
  return heard;
}

describe("cache events over ZeroMQ", () => {
  test("come in order, wherever they begin", async () => {
    assert.deepEqual(await heardOf([7, 8, 9], null), [7, 8, 9]);
  });

  test("what was missed is asked for again, once, and the rest waits for it", async () => {
    const { server, port, asked } = await router([0], [2, 3, 4, 5]);
    assert.deepEqual(await heardOf([1, 4, 5], port), [0, 1, 2, 3, 4, 5]);
    assert.deepEqual(asked, [0, 2]);
    server.close();
  });

  test("what was cached before anybody listened is asked for, though nothing is published", async () => {
    const { server, port, asked } = await router([2, 3, 4]);
    assert.deepEqual(await heardOf([], port, 4), [2, 3, 4]);
    assert.deepEqual(asked, [0]);
    server.close();
  });

  test("what was sent again and comes once more as it was published is no restart", async () => {
    const { server, port, asked } = await router([2, 3, 4]);
    assert.deepEqual(await heardOf([3, 4, 5, 6], port), [2, 3, 4, 5, 6]);
    assert.deepEqual(asked, [0]);
    server.close();
  });

  test("what cannot be had again is a gap; so it is without anybody to ask, and after a restart", async () => {
    const { server, port } = await router([], [4]);
    assert.deepEqual(await heardOf([0, 4, 5], port), [0, "gap", 4, 5]);
    server.close();
    const short = await router([], [3, 4, 5]);
    assert.deepEqual(await heardOf([0, 5, 6], short.port), [0, "gap", 3, 4, 5, 6]);
    short.server.close();
    assert.deepEqual(await heardOf([1, 4], null), [1, "gap", 4]);
    assert.deepEqual(await heardOf([8, 0, 1], null), [8, "gap", 0, 1]);
  });

  test("one that began anew is asked for what it has cached since", async () => {
    const { server, port, asked } = await router([6], [0, 1, 2]);
    assert.deepEqual(await heardOf([7, 2, 3], port), [6, 7, "gap", 0, 1, 2, 3]);
    assert.deepEqual(asked, [0, 0]);
    server.close();
  });

  test("one that listens and tells its own address is connected to; one that listens for publishers, too, is none", async () => {
    const heard = Promise.withResolvers<readonly CacheChange[]>();
    const at = async (type: "PUB" | "SUB", follower: Partial<CacheFollower>) => {
      const server = createServer((socket) =>
        speak(socket, type, () => void socket.write(whole(3))),
      );
      await once(server.listen(0, "127.0.0.1"), "listening");
      const endpoint = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const source = { rank: 0, endpoint, replayEndpoint: null, topic: "" };
      const deaf = { changes() {}, gap() {}, lost() {}, ...follower };
      const following = await followSources([source], "127.0.0.1", deaf, BOUNDS);
      return { server, following };
    };
    const one = await at("PUB", { changes: (_, changes) => heard.resolve(changes) });
    assert.deepEqual(await heard.promise, [{ type: "removed", hashes: ["3"] }]);
    const lost = Promise.withResolvers<Error>();
    const other = await at("SUB", { lost: lost.resolve });
    assert.match((await lost.promise).message, /a SUB is there, no PUB, .*EADDRINUSE/);
    for (const { server, following } of [one, other]) {
      following?.close();
      server.close();
    }
  });

  test("a port that is not told is refused", async () => {
    const source = { rank: 0, endpoint: "tcp://*:0", replayEndpoint: null, topic: "" };
    const deaf: CacheFollower = { changes() {}, gap() {}, lost() {} };
    await assert.rejects(followSources([source], "127.0.0.1", deaf, BOUNDS), {
      code: "unsupported",
      message: /tcp:\/\/\*:0/,
    });
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
    const events = {
      publisher: "zmq",
      endpoint_host: "*",
      endpoint_port_base: 5557,
      topic: "kv",
      dp_size: 2,
    };
    assert.deepEqual(
      sglangSources({ kv_events: events }),
      [0, 1].map((rank) => {
        return { rank, endpoint: `tcp://*:${5557 + rank}`, replayEndpoint: null, topic: "kv" };
      }),
    );
    for (const none of [{}, { kv_events: null }, { kv_events: { ...events, publisher: "null" } }]) {
      assert.deepEqual(sglangSources(none), []);
    }
    assert.throws(() => sglangSources({ kv_events: { ...events, dp_size: 1e9 } }), {
      code: "engine_error",
    });
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
