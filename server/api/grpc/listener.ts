/** Where gRPC's connections come in: grpc-js's own listening has no bound on them, so it is handed each one. */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import type { Server, ServerCredentials } from "@grpc/grpc-js";
import type { PacelineError } from "../../contract/errors.ts";
import { boundConnections } from "../bound-connections.ts";

export interface GrpcListener {
  /** Port 0 takes a free one. Rejects when the address cannot be bound. */
  listen(host: string, port: number): Promise<{ readonly port: number }>;
  /** Takes no new connections; resolves when those that are open, which are grpc-js's to close, have ended. */
  close(): Promise<void>;
  /** Ends those that are open, also where no handshake has come. */
  cut(): void;
}

export function createGrpcListener(
  server: Server,
  credentials: ServerCredentials,
  connections: number,
  dropped: (error: PacelineError) => void,
): GrpcListener {
  const injector = server.createConnectionInjector(credentials);
  const open = new Set<Socket>();
  const acceptor = createServer((socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    injector.injectConnection(socket);
  });
  boundConnections(acceptor, connections, dropped);
  return {
    async listen(host, port) {
      acceptor.listen(port, host);
      await once(acceptor, "listening");
      const bound = acceptor.address();
      return { port: typeof bound === "object" && bound !== null ? bound.port : port };
    },
    close: () => new Promise((resolve) => acceptor.close(() => resolve())),
    cut() {
      for (const socket of open) socket.destroy();
    },
  };
}
