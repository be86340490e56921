/**
 * Tells when files have changed, by asking for their times and sizes: unlike the kernel's notices that
 * also sees a mounted secret whose link is swapped, and files on a network.
 */
import { stat } from "node:fs/promises";
import type { Clock, Timer } from "../../contract/clock.ts";
import { LIMITS } from "../../limits.ts";

export interface WatchedFiles {
  close(): void;
}

/** Calls `changed` some `LIMITS.fileCheckMs` after any of `paths` did. */
export async function watchFiles(
  paths: readonly string[],
  clock: Pick<Clock, "timer">,
  changed: () => void,
): Promise<WatchedFiles> {
  let closed = false;
  let timer: Timer;
  let last = await marksOf(paths);
  const look = async (): Promise<void> => {
    const marks = await marksOf(paths);
    if (closed) return;
    timer = clock.timer(LIMITS.fileCheckMs, () => void look());
    if (marks === last) return;
    last = marks;
    changed();
  };
  timer = clock.timer(LIMITS.fileCheckMs, () => void look());
  return {
    close() {
      closed = true;
      timer.cancel();
    },
  };
}

async function marksOf(paths: readonly string[]): Promise<string> {
  const marks = await Promise.all(
    paths.map(async (path) => {
      try {
        const { mtimeMs, size, ino } = await stat(path);
        return `${mtimeMs} ${size} ${ino}`;
      } catch {
        // A file that is being replaced: whoever reads it again says what is wrong with it.
        return "absent";
      }
    }),
  );
  return marks.join("\n");
}
