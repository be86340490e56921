/** Sockets of ZeroMQ's kind over TCP: those that engines publish events to, or are asked through. */
import { connect, createServer, type Server, type Socket } from "node:net";
import { PacelineError } from "../../server/contract/errors.ts";
import {
  assertGreeting,
  GREETING_BYTES,
  greeting,
  MessageCutter,
  message,
  ready,
  socketTypeOf,
} from "./frames.ts";

export interface PeerOptions {
  /** Most bytes of one message. */
  readonly messageBytes: number;
  readonly message: (parts: readonly Buffer[]) => void;
  /** A peer is gone, or was no such peer; a bound subscriber goes on with others. */
  readonly lost: (error: PacelineError) => void;
}

export interface Peer {
  send(...parts: readonly Uint8Array[]): void;
  close(): void;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** `tcp://host:port`; `*` is any host. Throws `unsupported` for other transports. */
export function parseEndpoint(endpoint: string): Endpoint {
  const [, host, port] = /^tcp:\/\/(.+):(\d{1,5})$/.exec(endpoint) ?? [];
  if (host !== undefined && port !== undefined) {
    return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
  }
  throw new PacelineError("unsupported", `events over ${endpoint}: only tcp:// is read`);
}

/** Listens for publishers that connect out (an engine whose endpoint names a host), and subscribes to all of each. */
export async function bindSubscriber(
  { host, port }: Endpoint,
  topic: string,
  options: PeerOptions,
): Promise<{ readonly port: number; close(): void }> {
  const peers = new Set<Peer>();
  const server: Server = createServer((socket) => {
    const peer = talk(socket, "SUB", options, () => void peers.delete(peer));
    peer.send(subscription(topic));
    peers.add(peer);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host === "*" ? undefined : host, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    close() {
      server.close();
      for (const peer of peers) peer.close();
    },
  };
}

/** Connects to a publisher that is bound. */
export function connectSubscriber(
  { host, port }: Endpoint,
  topic: string,
  options: PeerOptions,
): Peer {
  const peer = talk(connect(port, host), "SUB", options, () => {});
  peer.send(subscription(topic));
  return peer;
}

/** Connects to a router, such as one that sends again what was missed. */
export const connectDealer = ({ host, port }: Endpoint, options: PeerOptions): Peer =>
  talk(connect(port, host), "DEALER", options, () => {});

const subscription = (topic: string): Buffer => Buffer.concat([Buffer.of(1), Buffer.from(topic)]);

/** Whom each of ours can talk to: on one port there may listen another subscriber, of whom nothing would ever be heard. */
const PARTNERS = { SUB: ["PUB", "XPUB"], DEALER: ["ROUTER"] } as const;

function talk(
  socket: Socket,
  type: keyof typeof PARTNERS,
  options: PeerOptions,
  gone: () => void,
): Peer {
  /** Until the peer is ready, whose first command says so: libzmq closes on a message that comes before its own READY is out. */
  let unsent: Buffer[] | null = [];
  const cutter = new MessageCutter(options.messageBytes, options.message, (command) => {
    const told = socketTypeOf(command);
    const partners: readonly string[] = PARTNERS[type];
    if (told !== null && !partners.includes(told))
      throw unreachable(`a ${told} is there, no ${partners[0]}`);
    for (const bytes of unsent ?? []) socket.write(bytes);
    unsent = null;
  });
  let head = Buffer.alloc(0);
  let greeted = false;
  let over = false;
  const end = (error: PacelineError): void => {
    if (over) return;
    over = true;
    socket.destroy();
    gone();
    options.lost(error);
  };
  socket.setNoDelay(true);
  socket.write(greeting());
  socket.write(ready(type));
  socket.on("data", (bytes: Buffer) => {
    try {
      if (greeted) cutter.push(bytes);
      else {
        head = Buffer.concat([head, bytes]);
        if (head.length < GREETING_BYTES) return;
        assertGreeting(head);
        greeted = true;
        cutter.push(head.subarray(GREETING_BYTES));
      }
    } catch (thrown) {
      end(PacelineError.from(thrown));
    }
  });
  socket.on("error", (error) => end(unreachable(error.message)));
  socket.on("close", () => end(unreachable("closed")));
  return {
    send(...parts) {
      const bytes = message(...parts);
      if (unsent === null) socket.write(bytes);
      else unsent.push(bytes);
    },
    close() {
      over = true;
      socket.destroy();
      gone();
    },
  };
}

const unreachable = (what: string): PacelineError =>
  new PacelineError("engine_unreachable", `the engine's events: ${what}`);
