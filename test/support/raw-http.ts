/** Bytes on a socket, for what no client library would send or do. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface RawConnection {
  readonly socket: Socket;
  /** All that came so far. */
  readonly received: () => string;
  /** Resolves when what came holds `text`; throws when the socket ends before. */
  until(text: string): Promise<void>;
  /** Resolves with all that came once the other side has closed. */
  closed(): Promise<string>;
}

export async function connectRaw(port: number): Promise<RawConnection> {
  const socket = connect({ port, host: "127.0.0.1" });
  await once(socket, "connect");
  let received = "";
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => {
    received += chunk;
    socket.emit("came");
  });
  // A reset is one of the ways in which the other side closes: `once` would reject.
  socket.on("error", () => {});
  const heard = (event: string) => new Promise((resolve) => socket.once(event, resolve));
  const ended = heard("close");
  return {
    socket,
    received: () => received,
    async until(text) {
      while (!received.includes(text)) {
        await Promise.race([heard("came"), ended]);
        if (socket.closed && !received.includes(text)) {
          throw new Error(`closed after: ${received.slice(-500)}`);
        }
      }
    },
    async closed() {
      await ended;
      return received;
    },
  };
}

/** A POST of JSON as bytes. */
export const rawPost = (path: string, body: string, headers = ""): string =>
  `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${headers}` +
  `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
