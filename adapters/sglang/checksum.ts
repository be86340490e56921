/**
 * `/weights_checker`: a checksum of every tensor in the memory of every rank, fused and packed as the engine keeps them. So
 * it says nothing of files, but the same of two engines that loaded the same weights alike. It goes through the scheduler, and
 * is answered while the engine stands still.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { PacelineError } from "../../server/contract/errors.ts";
import type { WeightsChecksum } from "../engine.ts";
import type { Client } from "./client.ts";

const answer = z.object({
  success: z.literal(true),
  per_engine_checksum: z.string().min(1),
  ranks: z
    .array(z.object({ checksums: z.record(z.string(), z.string()), parallelism_info: z.unknown() }))
    .min(1),
});

/** `build`: what of the engine beside names and ranks decides how tensors are packed. Throws `engine_error` and what calls throw. */
export async function readChecksum(
  { replies }: Pick<Client, "replies">,
  build: string,
  signal: AbortSignal,
): Promise<WeightsChecksum> {
  const call = { method: "POST", path: "/weights_checker", body: { action: "checksum" } } as const;
  const parsed = answer.safeParse(await replies.json(call, signal));
  if (!parsed.success) {
    throw new PacelineError("engine_error", "/weights_checker shows no checksum", {
      cause: parsed.error,
    });
  }
  const { per_engine_checksum: value, ranks } = parsed.data;
  const shape = ranks.map((rank) => [Object.keys(rank.checksums).sort(), rank.parallelism_info]);
  const told = JSON.stringify([build, shape]);
  return { value, layout: createHash("sha256").update(told).digest("hex").slice(0, 24) };
}

/** Whether it shows one: older servers do not have the route, or not the action. */
export async function showsChecksum(client: Client, signal: AbortSignal): Promise<boolean> {
  try {
    await readChecksum(client, "", signal);
    return true;
  } catch (thrown) {
    const error = PacelineError.from(thrown);
    const { status } = error.details;
    if (error.code === "engine_error" && (status === undefined || status === 404)) return false;
    if (error.code === "invalid_argument") return false;
    throw error;
  }
}
