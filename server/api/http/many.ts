/**
 * Many rollouts over HTTP: one line as each ends, and a summary. The caller that leaves ends what is
 * left; one that reads slowly holds back what has not been submitted yet.
 */
import type { FastifyReply } from "fastify";
import type { Clock } from "../../contract/clock.ts";
import { PacelineError } from "../../contract/errors.ts";
import type { Encoding } from "../../contract/schema.ts";
import type { Fleet } from "../../fleet/fleet.ts";
import { admitAll, type Bulk, type BulkParts, startBulk } from "../../rollouts/bulk.ts";
import { encodeError } from "../codec/error.ts";
import { decodeMany, encodeEnding, encodeSummary, rooted } from "../codec/many.ts";
import type { Mint } from "../codec/rollout.ts";
import { toPacelineError } from "./errors.ts";
import { accepts, type Handler } from "./request.ts";
import type { Streams } from "./streams.ts";

export interface ManyRoutes extends BulkParts {
  readonly fleet: Pick<Fleet, "list" | "listen">;
  readonly clock: Clock;
  readonly mint: Mint;
  readonly streams: Streams;
  /** Told of every rollout's error, and of one that ends the stream. */
  readonly failed: (error: PacelineError) => void;
}

export function manyRoutes(context: ManyRoutes): Record<"submitMany", Handler> {
  return {
    async submitMany(request, reply) {
      if (accepts(request) === "sse") {
        throw new PacelineError("unimplemented", "many rollouts are answered as NDJSON", {
          details: { header: "accept" },
        });
      }
      const { body } = request;
      // Parsed bodies are several times their text: not kept while the rollouts run.
      request.body = undefined;
      const { bulk, encodings } = await start(body, context);
      return streamEndings(context, bulk, encodings, reply);
    },
  };
}

async function start(
  body: unknown,
  context: ManyRoutes,
): Promise<{ bulk: Bulk; encodings: readonly Encoding[] }> {
  const { rollouts, encodings } = await decodeMany(body, context.mint);
  admitAll(rollouts, context, (index, thrown) => rooted(`rollouts/${index}`, thrown));
  return { bulk: startBulk(rollouts, context), encodings };
}

async function streamEndings(
  { streams, failed }: ManyRoutes,
  bulk: Bulk,
  encodings: readonly Encoding[],
  reply: FastifyReply,
): Promise<void> {
  const stream = streams.open(reply, "application/x-ndjson", "rollout");
  try {
    for await (const ending of bulk.endings(stream.signal)) {
      if ("error" in ending) failed(ending.error);
      const line = encodeEnding(ending, encodings[ending.index] ?? "json");
      if (!(await stream.write(`${line}\n`))) return;
    }
    if (!stream.signal.aborted) await stream.write(`${encodeSummary(bulk.summary())}\n`);
  } catch (thrown) {
    const error = toPacelineError(thrown);
    failed(error);
    await stream.write(`${encodeError(error)}\n`);
  } finally {
    stream.end();
  }
}
