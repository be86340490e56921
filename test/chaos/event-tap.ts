/** Keeps every life-cycle event of the server, from its first on. */
import type { HttpClient } from "../support/http-client.ts";
import type { LifeEvent } from "./evidence.ts";

export interface EventTap {
  readonly events: readonly LifeEvent[];
  /** Stops listening once all events up to now have come. Throws what broke the stream off. */
  close(): Promise<void>;
}

export function tapEvents(http: HttpClient): EventTap {
  const events: LifeEvent[] = [];
  const stop = new AbortController();
  const follow = async (query: string): Promise<void> => {
    for await (const { event, data } of http.sse("GET", `/v1/events?${query}`, {
      signal: stop.signal,
    })) {
      if (event !== ":") events.push(data as LifeEvent);
    }
  };
  const following = follow("from=0").then(
    () => new Error("the stream of events ended"),
    (thrown: unknown) => (stop.signal.aborted ? null : thrown),
  );
  return {
    events,
    async close() {
      stop.abort();
      const broken = await following;
      if (broken !== null) throw broken;
      // The same stream, not followed, from behind the last event that came.
      const rest = `from=${(events.at(-1)?.offset ?? -1) + 1}&follow=false`;
      for await (const { event, data } of http.sse("GET", `/v1/events?${rest}`)) {
        if (event !== ":") events.push(data as LifeEvent);
      }
    },
  };
}
