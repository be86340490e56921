/**
 * Engines that stand still for us. A server that is killed in an update, or a connection that breaks there, leaves its
 * engine paused, and nobody could tell that from an operator's pause. So the store knows which process stands still for
 * which version, from before its pause: when it comes back paused, it is let run. Nothing is placed there before it has
 * proved a version all the same, so what it holds is asked, and healed, as of any worker that joins.
 */
import type { Clock } from "../../contract/clock.ts";
import { PacelineError } from "../../contract/errors.ts";
import type { WorkerState } from "../../contract/worker.ts";
import type { WorkerRecord } from "../../fleet/fleet.ts";
import { processOf } from "../../fleet/incarnation.ts";
import { LIMITS } from "../../limits.ts";
import type { VersionRecord } from "../../policy/ledger.ts";
import type { Store } from "../../store/store.ts";
import type { MemberRef } from "./core/events.ts";
import { delay } from "./deadline.ts";
import type { ObserveUpdates } from "./observation.ts";
import { UPDATE_TIMINGS } from "./timings.ts";
import { findWorker, type UpdateContext } from "./update-context.ts";

const TABLE = "standstills";

/** States of a worker that no update holds any more. A poisoned one stands still until it is healed. */
const SETTLED: ReadonlySet<WorkerState> = new Set(["ready", "paused", "asleep"]);

/** The row of one worker. */
interface Note {
  /** The engine's process, by its own name. */
  readonly process: string;
  readonly policy: string;
  readonly version: number;
}

export interface Standstills {
  /** Before its engine is paused; durable when it resolves. Throws `store_unavailable`. */
  begin(ref: MemberRef, version: Pick<VersionRecord, "policy" | "version">): Promise<void>;
  /** Resolves when a worker that was left standing still runs again, at once for any other. */
  lifted(worker: string): Promise<void>;
  /** Whether that life of an engine stands still for an update that has ended without an end. */
  left(incarnation: string): boolean;
  close(): void;
}

export interface StandstillParts {
  readonly store: Pick<Store, "list" | "commit">;
  readonly fleet: UpdateContext["fleet"];
  readonly clock: Clock;
  readonly observe: ObserveUpdates;
}

/** Throws `store_unavailable`. */
export async function createStandstills(parts: StandstillParts): Promise<Standstills> {
  const { store, fleet, clock, observe } = parts;
  const notes = new Map<string, Note>();
  /** Workers whose update has ended without an end: with the last server, or because they were lost. */
  const left = new Set<string>();
  const lifting = new Map<string, Promise<void>>();
  const closing = new AbortController();
  for (const { key, value } of await store.list<Note>(TABLE)) {
    notes.set(key, value);
    left.add(key);
  }

  const trouble = ({ policy, version }: Note, thrown: unknown): void =>
    observe({ type: "trouble", policy, version, error: PacelineError.from(thrown) });

  function forget(worker: string, note: Note): void {
    notes.delete(worker);
    left.delete(worker);
    store
      .commit([{ table: TABLE, key: worker, value: undefined }])
      .catch((thrown: unknown) => trouble(note, thrown));
  }

  /** Again and again, until it runs or is not ours any more. */
  async function lift(worker: string, note: Note): Promise<void> {
    while (notes.get(worker) === note && findWorker(fleet, worker)?.state === "paused") {
      try {
        await fleet.resume(worker);
        forget(worker, note);
        return;
      } catch (thrown) {
        trouble(note, thrown);
      }
      await delay(clock, UPDATE_TIMINGS.verdictMs, `${worker}: resume`, closing.signal);
    }
  }

  function consider({ id, state, description: { incarnation } }: WorkerRecord): void {
    const note = notes.get(id);
    if (note === undefined || lifting.has(id)) return;
    if (state === "lost") left.add(id);
    else if (note.process !== processOf(incarnation)) forget(id, note);
    else if (left.has(id) && state === "paused") letRun(id, note);
    else if (SETTLED.has(state)) forget(id, note);
  }

  function letRun(worker: string, note: Note): void {
    const done = lift(worker, note)
      .catch((thrown: unknown) => {
        // Where the server shuts down the note stays, for its next life.
        if (!closing.signal.aborted) trouble(note, thrown);
      })
      .finally(() => {
        lifting.delete(worker);
        // What changed meanwhile was not considered.
        const now = findWorker(fleet, worker);
        if (now !== null && !closing.signal.aborted) consider(now);
      });
    lifting.set(worker, done);
  }

  for (const worker of fleet.list()) consider(worker);
  const unlisten = fleet.listen((change) => {
    if (change.type === "worker") consider(change.worker);
  });

  return {
    async begin({ worker, incarnation }, { policy, version }) {
      const note: Note = { process: processOf(incarnation), policy, version };
      notes.delete(worker);
      notes.set(worker, note);
      left.delete(worker);
      const [oldest] = notes.size > LIMITS.workers ? notes.keys() : [];
      if (oldest !== undefined) {
        notes.delete(oldest);
        left.delete(oldest);
      }
      await store.commit([
        { table: TABLE, key: worker, value: note },
        ...(oldest === undefined ? [] : [{ table: TABLE, key: oldest, value: undefined }]),
      ]);
    },
    left: (incarnation) =>
      [...left].some((worker) => notes.get(worker)?.process === processOf(incarnation)),
    lifted: (worker) => lifting.get(worker) ?? Promise.resolve(),
    close() {
      unlisten();
      closing.abort("the server shuts down");
    },
  };
}
