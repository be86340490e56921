/** Listens as an engine's process on a free port, and says where on standard error, as the benches await it. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/** `serve` is given the whole body of each request. */
export function listenAsEngine(
  serve: (request: IncomingMessage, body: Buffer, response: ServerResponse) => Promise<void>,
): void {
  const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
    bodyOf(request)
      .then((body) => serve(request, body, response))
      .catch((error: unknown) => {
        process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
        response.destroy();
      });
  });
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no TCP address");
    process.stderr.write(`engine at http://127.0.0.1:${address.port}\n`);
  });
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}
