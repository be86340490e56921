/** Something that listens on a port and does as a test says with each socket's bytes: no HTTP server in between. */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";

export interface RawEngine {
  readonly url: string;
  readonly port: number;
  /** Every socket that was accepted, in order. */
  readonly sockets: readonly Socket[];
  close(): void;
}

/** `serve` is called with each piece that a socket says. With `tls` it speaks TLS. */
export async function rawEngine(
  serve: (socket: Socket, bytes: Buffer, nth: number) => void,
  tls?: TlsOptions,
): Promise<RawEngine> {
  const sockets: Socket[] = [];
  const accept = (socket: Socket): void => {
    const nth = sockets.push(socket);
    socket.on("error", () => socket.destroy());
    socket.on("data", (bytes: Buffer) => serve(socket, bytes, nth));
  };
  const server: Server = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    port,
    sockets,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** A whole reply with its length. */
export const rawReply = (status: string, body: string, headers = ""): string =>
  `HTTP/1.1 ${status}\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
