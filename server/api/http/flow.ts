/** A reply of many bytes whose parts are made one after the other: each is with the system before the next is asked for. */
import type { ServerResponse } from "node:http";
import type { FastifyReply } from "fastify";

export interface FlowHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number>>;
}

/**
 * Takes the reply over. A part may be the last one's memory again. `done` is called once, however it ends: a reader who left is
 * asked nothing more, and where a part cannot be had the connection is cut, since its length was promised.
 */
export async function sendFlow(
  reply: FastifyReply,
  { status, headers }: FlowHead,
  parts: AsyncIterable<string | Uint8Array>,
  done: () => void,
): Promise<void> {
  reply.hijack();
  const response = reply.raw;
  try {
    // What a handler has said of the reply before goes with it.
    for (const [name, value] of Object.entries({ ...reply.getHeaders(), ...headers })) {
      if (value !== undefined) response.setHeader(name, value);
    }
    response.writeHead(status);
    for await (const part of parts) {
      if (part.length > 0) await taken(response, part);
      if (response.destroyed) return;
    }
    response.end();
  } catch (thrown) {
    reply.log.warn(
      { reason: thrown instanceof Error ? thrown.message : String(thrown) },
      "cut off",
    );
    response.destroy();
  } finally {
    done();
  }
}

/** Resolves when the system has it, or nobody is there to take it. */
export function taken(response: ServerResponse, part: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      response.removeListener("close", settle);
      resolve();
    };
    response.once("close", settle);
    response.write(part, settle);
  });
}
