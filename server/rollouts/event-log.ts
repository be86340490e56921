/**
 * A rollout's append-only log. Every front reads it with a cursor, so a slow reader costs one integer;
 * what it missed is handed out coalesced. The sequence number of an event is its index.
 */
import type { TokenChunk } from "../contract/tokens.ts";
import type { RolloutEvent } from "./service.ts";

export interface LoggedEvent {
  readonly seq: number;
  readonly event: RolloutEvent;
}

export class EventLog {
  #events: RolloutEvent[];
  /** What is kept once the Result is there; `#events` is what came after. */
  #settled: readonly SettledRun[] = [];
  /** Events that `#settled` stands for. */
  #length = 0;
  #waiting: (() => void)[] = [];
  #closed = false;

  constructor(first: RolloutEvent) {
    this.#events = [first];
  }

  get length(): number {
    return this.#length + this.#events.length;
  }

  append(event: RolloutEvent): void {
    if (this.#closed) throw new Error(`${event.type} after the end of a rollout's log`);
    this.#events.push(event);
    if (event.type === "finished" || event.type === "error") this.#closed = true;
    if (this.#waiting.length > 0) this.#wake();
  }

  /**
   * The rollout has its Result: its many chunks become one view of the Result's arrays for each version,
   * so that what is kept for late readers costs next to nothing. Only for a rollout that never started over.
   */
  settle(ids: Uint32Array, logprobs: Float32Array): void {
    this.#settled = settleRuns(this.#events, ids, logprobs).slice();
    this.#length = this.#events.length;
    this.#events = [];
  }

  async *read(from: number, signal: AbortSignal): AsyncGenerator<readonly LoggedEvent[]> {
    let cursor = Math.max(0, from);
    // One listener a reader, not one a wait: it costs more than an event's whole way.
    const wake = (): void => this.#wake();
    signal.addEventListener("abort", wake, { once: true });
    try {
      while (!signal.aborted) {
        if (cursor < this.length) {
          const batch = [
            ...this.#replay(cursor),
            ...coalesce(this.#events, cursor - this.#length, this.#length),
          ];
          cursor = this.length;
          yield batch;
        } else if (this.#closed) {
          return;
        } else {
          await new Promise<void>((resolve) => this.#waiting.push(resolve));
        }
      }
    } finally {
      signal.removeEventListener("abort", wake);
    }
  }

  #replay(from: number): LoggedEvent[] {
    return this.#settled.filter(({ last }) => last >= from).map((run) => eventFrom(run, from));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** Whether two chunks say the same of how they were made. */
const joins = (one: TokenChunk, next: TokenChunk): boolean =>
  one.version === next.version && one.mixed === next.mixed;

/** Joins neighbouring token chunks made alike; `seq` is that of the last one joined. */
function coalesce(events: readonly RolloutEvent[], from: number, offset: number): LoggedEvent[] {
  const out: LoggedEvent[] = [];
  let run: TokenChunk[] = [];
  for (let at = Math.max(0, from); at < events.length; at++) {
    const event = events[at] as RolloutEvent;
    const seq = offset + at;
    if (event.type !== "tokens") {
      out.push({ seq, event });
      continue;
    }
    run.push(event.chunk);
    const next = events[at + 1];
    if (next?.type === "tokens" && joins(event.chunk, next.chunk)) continue;
    out.push({ seq, event: { type: "tokens", chunk: joinChunks(run) } });
    run = [];
  }
  return out;
}

function joinChunks(chunks: readonly TokenChunk[]): TokenChunk {
  const first = chunks[0] as TokenChunk;
  if (chunks.length === 1) return first;
  const count = chunks.reduce((sum, chunk) => sum + chunk.ids.length, 0);
  const ids = new Uint32Array(count);
  const logprobs = new Float32Array(count);
  let at = 0;
  for (const chunk of chunks) {
    ids.set(chunk.ids, at);
    logprobs.set(chunk.logprobs, at);
    at += chunk.ids.length;
  }
  return { start: first.start, ids, logprobs, version: first.version, mixed: first.mixed };
}

/** Events `[first, last]`: one that is no chunk, or neighbouring chunks made alike as one. */
interface SettledRun {
  readonly first: number;
  readonly last: number;
  readonly event: RolloutEvent;
  /** Output position at which each of the chunks began. */
  readonly starts: readonly number[];
}

/** Of events that are no chunk, shared. */
const NO_STARTS: readonly number[] = [];

function settleRuns(
  events: readonly RolloutEvent[],
  ids: Uint32Array,
  logprobs: Float32Array,
): SettledRun[] {
  const runs: SettledRun[] = [];
  for (let seq = 0; seq < events.length; seq++) {
    const event = events[seq] as RolloutEvent;
    if (event.type !== "tokens") {
      runs.push({ first: seq, last: seq, event, starts: NO_STARTS });
      continue;
    }
    const { chunk: head } = event;
    const { version, mixed, start } = head;
    const first = seq;
    const starts = [start];
    let end = start + event.chunk.ids.length;
    for (
      let next = events[seq + 1];
      next?.type === "tokens" && joins(head, next.chunk);
      next = events[seq + 1]
    ) {
      starts.push(next.chunk.start);
      end = next.chunk.start + next.chunk.ids.length;
      seq++;
    }
    const chunk = {
      start,
      ids: ids.subarray(start, end),
      logprobs: logprobs.subarray(start, end),
      version,
      mixed,
    };
    runs.push({ first, last: seq, event: { type: "tokens", chunk }, starts: starts.slice() });
  }
  return runs;
}

/** What a reader that has seen everything before `from` has not seen of a run. */
function eventFrom({ first, last, event, starts }: SettledRun, from: number): LoggedEvent {
  const start = starts[from - first];
  if (from <= first || start === undefined || event.type !== "tokens") return { seq: last, event };
  const { chunk } = event;
  const seen = start - chunk.start;
  const rest = {
    ...chunk,
    start,
    ids: chunk.ids.subarray(seen),
    logprobs: chunk.logprobs.subarray(seen),
  };
  return { seq: last, event: { type: "tokens", chunk: rest } };
}
