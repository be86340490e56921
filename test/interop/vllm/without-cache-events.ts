/** In front of an engine: all of it but the route that tells where it publishes its cache events. */
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

export interface Front {
  readonly url: string;
  close(): Promise<void>;
}

export async function withoutCacheEvents(engine: string): Promise<Front> {
  const server = createServer((incoming, reply) => {
    if (incoming.url === "/kv_event_sources") {
      reply.writeHead(404).end();
      return;
    }
    const { method, headers } = incoming;
    const asked = request(`${engine}${incoming.url}`, { method, headers }, (answer) => {
      reply.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(reply);
    });
    asked.on("error", () => reply.destroy());
    reply.on("close", () => asked.destroy());
    incoming.pipe(asked);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
