/**
 * What the scheduler learned of prompts, kept in the store from one life of the server to the next: one row a prompt, written
 * in batches a little later, since the end of a rollout waits for no disk and a lost second of statistics is none.
 */
import type { Clock, Timer } from "../contract/clock.ts";
import { PacelineError } from "../contract/errors.ts";
import { LIMITS } from "../limits.ts";
import type { PromptHistory } from "../scheduler/prediction/histories.ts";
import type { Store } from "../store/store.ts";

const TABLE = "prompts";
/** Between two writes, ms. */
const WRITE_MS = 5_000;

interface PromptRow extends PromptHistory {
  /** Wall time of the last rollout that counted. */
  readonly at: number;
}

export interface HistoryKeeper {
  /** What earlier lives learned; the oldest beyond `LIMITS.promptHistories` is deleted. Throws `store_unavailable`. */
  load(): Promise<readonly PromptHistory[]>;
  keep(histories: readonly PromptHistory[]): void;
  /** Writes what is not written yet. */
  close(): Promise<void>;
}

/** `failed` is told when something could not be written; it is tried again with what comes next. */
export function createHistoryKeeper(
  store: Store,
  clock: Clock,
  failed: (error: PacelineError) => void,
): HistoryKeeper {
  let unwritten = new Map<string, PromptRow>();
  let timer: Timer | null = null;
  let writing: Promise<void> = Promise.resolve();

  async function write(): Promise<void> {
    timer = null;
    const rows = unwritten;
    unwritten = new Map();
    if (rows.size === 0) return;
    try {
      await store.commit([...rows].map(([key, value]) => ({ table: TABLE, key, value })));
    } catch (thrown) {
      // What was learned meanwhile is newer.
      unwritten = new Map([...rows, ...unwritten]);
      failed(PacelineError.from(thrown));
    }
  }

  return {
    async load() {
      const rows = await store.list<PromptRow>(TABLE);
      const newest = rows.map(({ value }) => value).sort((a, b) => b.at - a.at);
      const forgotten = newest.splice(LIMITS.promptHistories);
      if (forgotten.length > 0) {
        await store.commit(
          forgotten.map(({ prompt }) => ({ table: TABLE, key: prompt, value: undefined })),
        );
      }
      return newest.map(({ prompt, apart, weight }) => ({ prompt, apart, weight }));
    },
    keep(histories) {
      const at = clock.wall();
      for (const history of histories) {
        if (unwritten.size >= LIMITS.promptHistories && !unwritten.has(history.prompt)) continue;
        unwritten.set(history.prompt, { ...history, at });
      }
      timer ??= clock.timer(WRITE_MS, () => {
        writing = writing.then(write);
      });
    },
    async close() {
      timer?.cancel();
      await writing;
      await write();
    },
  };
}
