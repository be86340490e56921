/** What a fleet can do without for a while. */
import type { SchedulerSnapshot } from "../scheduler/events.ts";

/** Of these workers' KV room, what nothing needs now, 0–1; none while anything waits, whatever it waits for. */
export function spareShareOf(
  { waiting, slots }: SchedulerSnapshot,
  workers: ReadonlySet<string>,
): number {
  let reserved = 0;
  let room = 0;
  for (const { worker, reservedTokens, kvTokens } of slots) {
    if (!workers.has(worker)) continue;
    reserved += reservedTokens;
    room += kvTokens;
  }
  return waiting > 0 || room === 0 ? 0 : Math.max(0, 1 - reserved / room);
}
