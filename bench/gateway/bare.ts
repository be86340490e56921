/**
 * The yardsticks: clients that post the same request to the same engine, read all bytes and look at none. One
 * is undici, which reads as soon as there is a byte; the other reads as the server does, at the same pace.
 */
import { Pool } from "undici";
import { createConnections } from "../../adapters/http/connections.ts";
import { createReadPacing } from "../../adapters/read-pacing.ts";
import { liveClock } from "../../server/live-clock.ts";

export interface Bare {
  /** Resolves with the bytes of the reply. */
  generate(body: string): Promise<number>;
  close(): void;
}

export function bareUndici(engine: string, connections: number): Bare {
  const pool = new Pool(engine, { connections, headersTimeout: 0, bodyTimeout: 0 });
  return {
    async generate(body) {
      const { body: reply, statusCode } = await pool.request({
        method: "POST",
        path: "/generate",
        headers: { "content-type": "application/json" },
        body,
      });
      let bytes = 0;
      for await (const part of reply as AsyncIterable<Buffer>) bytes += part.length;
      if (statusCode !== 200) throw new Error(`the engine answered ${statusCode}`);
      return bytes;
    },
    close: () => void pool.close(),
  };
}

export function barePaced(engine: string, unreadMs: number): Bare {
  const connections = createConnections(engine, {
    connectMs: 5_000,
    keepAliveMs: 4_000,
    headBytes: 16_384,
  });
  const pacing = createReadPacing(liveClock, unreadMs);
  return {
    generate: (body) =>
      new Promise((resolve, reject) => {
        const began = performance.now();
        let bytes = 0;
        const request = { method: "POST", path: "/generate", body } as const;
        const connection = connections.send(request, {
          body({ status }, part) {
            if (status !== 200) throw new Error(`the engine answered ${status}`);
            bytes += part.length;
            const wait = pacing.wait(performance.now() - began);
            if (wait > 0) pacing.after(wait, connection);
            return wait === 0;
          },
          complete: () => resolve(bytes),
          failed: reject,
        });
      }),
    close: () => connections.close(),
  };
}
