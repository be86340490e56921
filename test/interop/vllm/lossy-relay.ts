/** Between a ZeroMQ publisher and its subscriber: loses whole messages on command, which real networks and high-water marks do. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { GREETING_BYTES } from "../../../adapters/zmq/frames.ts";

export interface LossyRelay {
  readonly endpoint: string;
  /** From now on, or no more. */
  lose(loses: boolean): void;
  /** Resolves when so many have been lost, in all. */
  lost(count: number): Promise<void>;
  close(): void;
}

const MORE = 1;
const LONG = 2;
const COMMAND = 4;

export async function lossyRelay(publisher: string): Promise<LossyRelay> {
  const { hostname, port } = new URL(publisher);
  let loses = false;
  let count = 0;
  let news = Promise.withResolvers<void>();
  const server = createServer((subscriber) => {
    const from = connect(Number(port), hostname);
    for (const socket of [subscriber, from]) socket.on("error", () => {});
    subscriber.pipe(from);
    from.on("close", () => subscriber.destroy());
    subscriber.on("close", () => from.destroy());
    let greeted = false;
    let inside = false;
    let kept = Buffer.alloc(0);
    from.on("data", (bytes: Buffer) => {
      kept = Buffer.concat([kept, bytes]);
      for (let size = sizeOf(kept, greeted); size > 0; size = sizeOf(kept, greeted)) {
        const flags = greeted ? (kept[0] as number) : COMMAND;
        const command = (flags & COMMAND) !== 0;
        const drops = !command && (inside || loses);
        if (!drops) subscriber.write(kept.subarray(0, size));
        // A message that began to be lost is lost to its end.
        inside = drops && (flags & MORE) !== 0;
        if (drops && !inside) {
          count++;
          news.resolve();
          news = Promise.withResolvers();
        }
        kept = kept.subarray(size);
        greeted = true;
      }
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    endpoint: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lose: (yes) => {
      loses = yes;
    },
    async lost(wanted) {
      while (count < wanted) await news.promise;
    },
    close: () => server.close(),
  };
}

/** Bytes of the greeting, or of the first frame; 0: it is not whole. */
function sizeOf(bytes: Buffer, greeted: boolean): number {
  if (!greeted) return bytes.length < GREETING_BYTES ? 0 : GREETING_BYTES;
  const long = ((bytes[0] ?? 0) & LONG) !== 0;
  const head = long ? 9 : 2;
  if (bytes.length < head) return 0;
  const size = head + (long ? Number(bytes.readBigUInt64BE(1)) : (bytes[1] as number));
  return bytes.length < size ? 0 : size;
}
