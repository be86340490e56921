/** Rollouts that have all ended, as one Arrow body. */
import type { FastifyReply } from "fastify";
import type { RolloutRow } from "../../arrow/rollout-columns.ts";
import { ARROW_TYPE, openRolloutStream, type StreamMetadata } from "../../arrow/rollout-stream.ts";

export async function sendArrow(
  reply: FastifyReply,
  rows: readonly RolloutRow[],
  metadata?: StreamMetadata,
): Promise<FastifyReply> {
  const stream = await openRolloutStream(metadata);
  const parts = [...stream.batch(rows), ...stream.end()];
  return reply.type(ARROW_TYPE).send(Buffer.concat(parts));
}
