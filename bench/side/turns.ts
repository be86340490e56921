/**
 * Preloaded (`--import`): the CPU that the main thread spends in one turn of its loop, at most. By CPU and not by the clock, since
 * on a shared machine neighbours hold up a loop that does nothing. On SIGUSR2 the longest since the last time, ms, is
 * written to the file that `TURNS_FILE` names.
 */
import { renameSync, writeFileSync } from "node:fs";

const file = process.env["TURNS_FILE"];
let longest = 0;
let last = process.threadCpuUsage();

function look(): void {
  const { user, system } = process.threadCpuUsage(last);
  longest = Math.max(longest, user + system);
  last = process.threadCpuUsage();
  // Keeps no loop busy: it runs when something else has woken it.
  setImmediate(look).unref();
}
look();

if (file !== undefined) {
  process.on("SIGUSR2", () => {
    writeFileSync(`${file}.new`, String(longest / 1_000));
    renameSync(`${file}.new`, file);
    longest = 0;
  });
}
