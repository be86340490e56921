/**
 * What became of the KV that running requests were to keep over an update. Short of KV, vLLM preempts one of them and computes it
 * anew under the weights of that moment, but for what its salt still finds cached from the old ones, and tells no request of it:
 * `/metrics` alone counts preemptions, of all requests together. It counts each no later than the preempted request's next token
 * is sent (0.32). So while that count stands still from before an update to a request's end, that request kept its KV; otherwise
 * nobody can tell.
 */
import type { EngineEvent, EngineFinish } from "../engine.ts";
import { metricSum } from "../http/prometheus.ts";
import type { Client } from "./client.ts";

/** How long a finished request waits for the count. */
const COUNT_MS = 5_000;

/** One pause: where an update may lie. Each knows the next, so that what no request looks at any more is let go of. */
interface Pause {
  /** Preemptions before it; null: nobody counted. */
  readonly count: number | null;
  /** All that ran gave its KV up, and nothing stayed cached. */
  dropped: boolean;
  next: Pause | null;
}

export interface Preemptions {
  /** To be told before each pause of ours, and before weights are changed behind one, whosever it is. */
  pausing(signal: AbortSignal): Promise<void>;
  /** It runs again. */
  resumed(): void;
  /** What ran at the last pause has given its KV up. */
  dropped(): void;
  /** Passes the events on; with the finish it says which of its versions rest on older KV. */
  told(events: AsyncIterable<EngineEvent>): AsyncIterableIterator<EngineEvent>;
}

export function createPreemptions(client: Client): Preemptions {
  let last: Pause = { count: null, dropped: false, next: null };
  /** Since the last pause, as far as we know. */
  let still = false;
  let asked: Promise<number | null> | null = null;

  async function count(signal: AbortSignal): Promise<number | null> {
    try {
      const text = await client.text({ method: "GET", path: "/metrics" }, signal);
      return metricSum(`\n${text}`, "vllm:num_preemptions_total");
    } catch {
      // Tokens are none the worse for it: their KV is told as unknown.
      return null;
    }
  }

  /** Asked in the next turn, for all at once that end in this one. */
  function countNow(): Promise<number | null> {
    asked ??= Promise.resolve().then(() => {
      asked = null;
      return count(AbortSignal.timeout(COUNT_MS));
    });
    return asked;
  }

  /** Of a request that began behind `since` and that an update met. */
  async function rebuilt(since: Pause): Promise<boolean | null> {
    const met: Pause[] = [];
    for (let pause = since.next; pause !== null; pause = pause.next) met.push(pause);
    const [first] = met;
    if (first === undefined) return null;
    if (met.every(({ dropped }) => dropped)) return true;
    if (first.count === null || met.some(({ dropped }) => dropped)) return null;
    return (await countNow()) === first.count ? false : null;
  }

  async function finishOf(finish: EngineFinish, since: Pause): Promise<EngineFinish> {
    const { versions } = finish;
    if (versions === null || versions.length < 2) return finish;
    const anew = await rebuilt(since);
    return {
      ...finish,
      versions: versions.map((run, at) => (at === 0 ? run : { ...run, rebuilt: anew })),
    };
  }

  return {
    async pausing(signal) {
      if (still) return;
      const pause: Pause = { count: await count(signal), dropped: false, next: null };
      last.next = pause;
      last = pause;
      still = true;
    },
    resumed() {
      still = false;
    },
    dropped() {
      last.dropped = true;
    },
    told(events) {
      const since = last;
      const inner = events[Symbol.asyncIterator]();
      const settled = async (
        result: IteratorResult<EngineEvent>,
      ): Promise<IteratorResult<EngineEvent>> =>
        result.done === true || result.value.type !== "finished"
          ? result
          : { done: false, value: await finishOf(result.value, since) };
      const outer: AsyncIterableIterator<EngineEvent> = {
        [Symbol.asyncIterator]: () => outer,
        next: () => inner.next().then(settled),
        return: () => inner.return?.() ?? Promise.resolve({ done: true, value: undefined }),
      };
      return outer;
    },
  };
}
