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
  readonly #events: RolloutEvent[] = [];
  #waiting: (() => void)[] = [];
  #closed = false;

  get length(): number {
    return this.#events.length;
  }

  append(event: RolloutEvent): void {
    if (this.#closed) throw new Error(`${event.type} after the end of a rollout's log`);
    this.#events.push(event);
    if (event.type === "finished" || event.type === "error") this.#closed = true;
    if (this.#waiting.length > 0) this.#wake();
  }

  /**
   * The rollout has its Result: chunks become views of the Result's arrays, so that what is kept for late
   * readers costs no second copy and the engine's buffers may go. Only for a rollout that never started over.
   */
  settle(ids: Uint32Array, logprobs: Float32Array): void {
    for (let seq = 0; seq < this.#events.length; seq++) {
      const event = this.#events[seq] as RolloutEvent;
      if (event.type !== "tokens") continue;
      const { start, ids: made } = event.chunk;
      const end = start + made.length;
      const chunk = {
        ...event.chunk,
        ids: ids.subarray(start, end),
        logprobs: logprobs.subarray(start, end),
      };
      this.#events[seq] = { type: "tokens", chunk };
    }
  }

  async *read(from: number, signal: AbortSignal): AsyncGenerator<readonly LoggedEvent[]> {
    let cursor = Math.max(0, from);
    while (!signal.aborted) {
      if (cursor < this.#events.length) {
        const batch = coalesce(this.#events, cursor);
        cursor = this.#events.length;
        yield batch;
      } else if (this.#closed) {
        return;
      } else {
        await this.#more(signal);
      }
    }
  }

  #more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener("abort", done);
        resolve();
      };
      signal.addEventListener("abort", done, { once: true });
      this.#waiting.push(done);
    });
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** Joins neighbouring token chunks of one version; `seq` is that of the last one joined. */
function coalesce(events: readonly RolloutEvent[], from: number): LoggedEvent[] {
  const out: LoggedEvent[] = [];
  let run: TokenChunk[] = [];
  for (let seq = from; seq < events.length; seq++) {
    const event = events[seq] as RolloutEvent;
    if (event.type !== "tokens") {
      out.push({ seq, event });
      continue;
    }
    run.push(event.chunk);
    const next = events[seq + 1];
    if (next?.type === "tokens" && next.chunk.version === event.chunk.version) continue;
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
