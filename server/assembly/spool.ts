/** The spool of one server: where it lies, and what an earlier life left there. */
import { dirname, join, parse } from "node:path";
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import type { Clock } from "../contract/clock.ts";
import { LIMITS } from "../limits.ts";
import { createSideStore, type PutTold, type SideStore } from "../rollouts/side-store.ts";
import { openSpool, type Spool } from "../spool/spool.ts";

const SEGMENTS_AT_LEAST = 8;

/** Null: there is none. */
export function spoolFolder({ spool, store }: Pick<Config, "spool" | "store">): string | null {
  if (spool === "none") return null;
  if (spool !== "") return spool;
  return store === "memory" ? null : join(dirname(store), `${parse(store).name}.spool`);
}

/**
 * What is found is dropped, since the Results that named it lived in memory; damages are logged. Throws `store_unavailable`
 * where the folder cannot be written or another server uses it.
 */
export async function openServerSpool(
  config: Config,
  clock: Clock,
  log: Logger,
): Promise<Spool | null> {
  const folder = spoolFolder(config);
  if (folder === null) return null;
  const { spool_bytes: bytes } = config;
  const limits = {
    bytes,
    segments: LIMITS.spoolSegments,
    // The file that is written to keeps what was released in it: a small part of all.
    segmentBytes: Math.min(LIMITS.spoolSegmentBytes, Math.ceil(bytes / SEGMENTS_AT_LEAST)),
    waitingBytes: LIMITS.spoolWaitingBytes,
  };
  const { spool, found } = await openSpool({ folder, clock, limits });
  for (const damage of found.damages) log.warn({ folder, ...damage }, "spool damaged");
  for (const { ref } of found.records) spool.release(ref);
  return spool;
}

/** Null where there is no spool. */
export function sideStoreOf(
  spool: Spool | null,
  { spool_bytes: bytes }: Pick<Config, "spool_bytes">,
  life: string,
  told: PutTold,
): SideStore | null {
  if (spool === null) return null;
  const { sideUnwrittenBytes: unwrittenBytes, sidePieceBytes: pieceBytes } = LIMITS;
  return createSideStore(spool, { bytes, unwrittenBytes, pieceBytes }, life, told);
}
