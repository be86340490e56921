/** What a fake publishes of its prefix cache, as vLLM and SGLang do: a PUB that listens, and a ROUTER that sends again what was missed. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { message, type SocketType } from "../../../adapters/zmq/frames.ts";
import { createCacheTale } from "./cache-tale.ts";
import type { FakeModel } from "./fake-model.ts";
import { type Packable, pack } from "./pack.ts";
import { numbered, speak } from "./zmq-peer.ts";

export interface CachePublisher {
  readonly port: number;
  readonly replayPort: number;
  /** One step's events; a number is spent on those that nobody gets. */
  publish(events: readonly Packable[], lose?: boolean): void;
  close(): void;
}

const END = 2n ** 64n - 1n;
const TOPIC = "kv";

export async function startCachePublisher(): Promise<CachePublisher> {
  const subscribers = new Set<Socket>();
  const sockets = new Set<Socket>();
  const sent: Buffer[] = [];
  const listen = async (
    type: SocketType,
    heard: (socket: Socket, parts: readonly Buffer[]) => void,
  ) => {
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("close", () => {
        sockets.delete(socket);
        subscribers.delete(socket);
      });
      speak(socket, type, (parts) => heard(socket, parts));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    return server;
  };
  const publisher = await listen("PUB", (socket) => subscribers.add(socket));
  const router = await listen("ROUTER", (socket, parts) => {
    const from = Number(parts.at(-1)?.readBigUInt64BE());
    for (const [sequence, payload] of sent.entries()) {
      if (sequence >= from) socket.write(message(Buffer.alloc(0), ...numbered(sequence, payload)));
    }
    socket.write(message(Buffer.alloc(0), ...numbered(END, Buffer.alloc(0))));
  });
  const portOf = (server: Server): number => (server.address() as AddressInfo).port;
  return {
    port: portOf(publisher),
    replayPort: portOf(router),
    publish(events, lose = false) {
      const payload = pack([Date.now() / 1_000, events, 0]);
      const sequence = sent.push(payload) - 1;
      if (lose) return;
      const whole = message(Buffer.from(TOPIC), ...numbered(sequence, payload));
      for (const socket of subscribers) socket.write(whole);
    },
    close() {
      publisher.close();
      router.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Tells all that the model's cache does. */
export async function publishCache(model: FakeModel): Promise<CachePublisher> {
  const publisher = await startCachePublisher();
  model.tell(createCacheTale(model.info.slot.kvTokens, (events) => publisher.publish(events)));
  return publisher;
}

/** As `/kv_event_sources` of vLLM and `kv_events` of SGLang tell it. */
export const sourcesOf = ({ port, replayPort }: CachePublisher) => ({
  vllm: {
    0: {
      publisher: "zmq",
      endpoint: `tcp://*:${port}`,
      replay_endpoint: `tcp://*:${replayPort}`,
      topic: TOPIC,
      buffer_steps: 10_000,
    },
  },
  sglang: {
    publisher: "zmq",
    endpoint_host: "*",
    endpoint_port_base: port,
    topic: TOPIC,
    block_size: 1,
    dp_size: 1,
  },
});
