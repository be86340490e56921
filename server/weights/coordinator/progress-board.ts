/** How far each version is on each worker, for whoever asks or watches. A slow watcher skips states. */
import { PacelineError } from "../../contract/errors.ts";
import { LIMITS } from "../../limits.ts";
import type { Ledger } from "../../policy/ledger.ts";
import { isOver } from "../../policy/version-states.ts";
import type { PublicationProgress, WorkerPhase } from "../publisher.ts";
import type { ObserveUpdates } from "./observation.ts";

export interface BoardRow {
  readonly phase: WorkerPhase;
  readonly reason: string | null;
  readonly pauseMs: number | null;
  /** False for a worker of another model: the version can be installed everywhere without it. */
  readonly counts: boolean;
  /** What its mover must name; absent where it is not gated. */
  readonly fence?: string;
}

interface Entry {
  readonly rows: Map<string, BoardRow>;
  readonly watchers: Set<() => void>;
  /** Grows with each change, so that none is missed between two looks. */
  changes: number;
  /** Nobody works on it any more, whatever its state says. */
  givenUp: boolean;
}

export interface ProgressBoard {
  put(policy: string, version: number, worker: string, row: BoardRow): void;
  row(policy: string, version: number, worker: string): BoardRow | null;
  /** All that count are installed or gone, and there is one. */
  everywhere(policy: string, version: number): boolean;
  progress(policy: string, version: number): PublicationProgress;
  watch(policy: string, version: number, signal: AbortSignal): AsyncGenerator<PublicationProgress>;
  giveUp(policy: string, version: number): void;
  close(): void;
}

export function createProgressBoard(ledger: Ledger, observe: ObserveUpdates): ProgressBoard {
  const policies = new Map<string, Map<number, Entry>>();
  let closed = false;

  function entryOf(policy: string, version: number): Entry {
    const entries = policies.get(policy) ?? new Map<number, Entry>();
    policies.set(policy, entries);
    const known = entries.get(version);
    if (known) return known;
    const entry: Entry = { rows: new Map(), watchers: new Set(), changes: 0, givenUp: false };
    entries.set(version, entry);
    if (entries.size > LIMITS.publicationsKept) forgetOldest(policy, entries);
    return entry;
  }

  function forgetOldest(policy: string, entries: Map<number, Entry>): void {
    const { committedVersion } = ledger.policy(policy);
    for (const [version, entry] of entries) {
      if (version === committedVersion || entry.watchers.size > 0) continue;
      entries.delete(version);
      entry.givenUp = true;
      return;
    }
  }

  function changed(entry: Entry): void {
    entry.changes++;
    for (const wake of [...entry.watchers]) wake();
  }

  const unlisten = ledger.listen((change) => {
    if (change.type !== "version") return;
    const entry = policies.get(change.version.policy)?.get(change.version.version);
    if (entry) changed(entry);
  });

  function progress(policy: string, version: number): PublicationProgress {
    const record = ledger.version(policy, version);
    const rows = [...(policies.get(policy)?.get(version)?.rows ?? [])];
    return {
      version: record,
      workers: rows.map(([worker, { phase, reason, pauseMs, fence = null }]) => ({
        worker,
        phase,
        reason,
        pauseMs,
        fence,
      })),
      lapseMs: null,
      installed: rows.filter(([, { phase }]) => phase === "installed").length,
    };
  }

  return {
    progress,
    put(policy, version, worker, row) {
      const entry = entryOf(policy, version);
      const before = entry.rows.get(worker);
      if (
        before &&
        before.phase === row.phase &&
        before.reason === row.reason &&
        before.pauseMs === row.pauseMs &&
        before.fence === row.fence
      )
        return;
      entry.rows.set(worker, row);
      const { phase, reason } = row;
      observe({ type: "worker", policy, version, worker, phase, reason });
      changed(entry);
    },
    row: (policy, version, worker) => policies.get(policy)?.get(version)?.rows.get(worker) ?? null,
    everywhere(policy, version) {
      const rows = [...(policies.get(policy)?.get(version)?.rows.values() ?? [])];
      const counting = rows.filter(({ counts, phase }) => counts && phase !== "gone");
      return counting.length > 0 && counting.every(({ phase }) => phase === "installed");
    },
    async *watch(policy, version, signal) {
      ledger.version(policy, version);
      const entry = entryOf(policy, version);
      while (!closed && !signal.aborted) {
        const seen = entry.changes;
        const current = progress(policy, version);
        yield current;
        const { state } = current.version;
        if (state === "installed" || isOver(state) || entry.givenUp) return;
        if (seen === entry.changes) await change(entry, signal);
      }
    },
    giveUp(policy, version) {
      const entry = entryOf(policy, version);
      entry.givenUp = true;
      changed(entry);
    },
    close() {
      closed = true;
      unlisten();
      for (const entries of policies.values()) for (const entry of entries.values()) changed(entry);
    },
  };

  /** Resolves at the entry's next change, or when nobody listens any more. */
  function change(entry: Entry, signal: AbortSignal): Promise<void> {
    if (closed || signal.aborted) return Promise.resolve();
    if (entry.watchers.size >= LIMITS.controlStreams) {
      throw new PacelineError("overloaded", "too many watch this version");
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => {
      entry.watchers.delete(wake);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    entry.watchers.add(wake);
    signal.addEventListener("abort", wake, { once: true });
    return promise;
  }
}
