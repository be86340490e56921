/** Readers that come back anywhere: what they get, with what they had, is the whole. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createResult, type ResultParts } from "../../../server/contract/result.ts";
import type { TokenChunk } from "../../../server/contract/tokens.ts";
import { EventLog, type LoggedEvent } from "../../../server/rollouts/event-log.ts";
import type { RolloutEvent } from "../../../server/rollouts/service.ts";
import { arbitraryResult } from "../../support/arbitrary-result.ts";
import { testSeed } from "../../support/seeded-random.ts";

type Kind = { readonly tokens: number; readonly version: number; readonly mixed: boolean } | null;

/** `null`: an event that is no chunk. */
const kinds = (): fc.Arbitrary<Kind[]> =>
  fc.array(
    fc.option(
      fc.record({
        tokens: fc.integer({ min: 1, max: 3 }),
        version: fc.integer({ min: 1, max: 2 }),
        mixed: fc.boolean(),
      }),
      { freq: 6 },
    ),
    { maxLength: 20 },
  );

const ACCEPTED: RolloutEvent = { type: "accepted", id: "r" };

/** `ACCEPTED` before all: every log begins with it. */
function eventsOf(given: readonly Kind[]): RolloutEvent[] {
  let start = 0;
  const events = given.map((kind): RolloutEvent => {
    if (kind === null) return { type: "held", reason: "queue" };
    const { tokens, version, mixed } = kind;
    const ids = Uint32Array.from({ length: tokens }, (_, i) => start + i);
    const logprobs = Float32Array.from(ids, (id) => -id);
    const chunk = { start, ids, logprobs, version, mixed };
    start += tokens;
    return { type: "tokens", chunk };
  });
  return [ACCEPTED, ...events];
}

const [some] = fc.sample(arbitraryResult(), { numRuns: 1, seed: 7 });
const finished: RolloutEvent = {
  type: "finished",
  result: createResult({
    ...(some as ResultParts),
    outputTokenIds: new Uint32Array(0),
    logprobs: new Float32Array(0),
    spans: [],
    segments: [],
    stale: null,
    side: null,
    usage: { promptTokens: 1, outputTokens: 0, wastedTokens: 0 },
  }),
};

/** One line a token, one an event of another kind: what no way of joining may change. */
const flat = (events: readonly RolloutEvent[]): string[] =>
  events.flatMap((event) =>
    event.type === "tokens" ? tokensOf(event.chunk) : [event.type as string],
  );

const tokensOf = ({ start, ids, logprobs, version, mixed }: TokenChunk): string[] =>
  Array.from(ids, (id, i) => `${start + i}: ${id} ${logprobs[i]} v${version} ${mixed}`);

async function readFrom(log: EventLog, from: number): Promise<LoggedEvent[]> {
  const read: LoggedEvent[] = [];
  for await (const batch of log.read(from, AbortSignal.timeout(10_000))) read.push(...batch);
  return read;
}

function arrays(events: readonly RolloutEvent[]): [Uint32Array, Float32Array] {
  const ids = events.flatMap((event) => (event.type === "tokens" ? [...event.chunk.ids] : []));
  return [Uint32Array.from(ids), Float32Array.from(ids, (id) => -id)];
}

test("from any sequence number, running or settled, a reader gets what it has not seen", async () => {
  await fc.assert(
    fc.asyncProperty(kinds(), fc.boolean(), async (given, settled) => {
      const events = eventsOf(given);
      const log = new EventLog(ACCEPTED);
      for (const event of events.slice(1)) log.append(event);
      if (settled) log.settle(...arrays(events));
      log.append(finished);
      for (let from = 0; from <= events.length + 1; from++) {
        const read = await readFrom(log, from);
        assert.deepEqual(
          flat(read.map(({ event }) => event)),
          flat([...events, finished].slice(from)),
        );
        // The number of a joined event is its last one's: whoever comes back with it has seen all of it.
        for (const { seq } of read) {
          const rest = await readFrom(log, seq + 1);
          assert.deepEqual(
            flat(rest.map(({ event }) => event)),
            flat([...events, finished].slice(seq + 1)),
          );
        }
        assert.equal(read.at(-1)?.seq, from > events.length ? undefined : events.length);
      }
    }),
    { seed: testSeed("event log"), numRuns: 60 },
  );
});

test("two readers of one log, one in the middle when it settles, miss nothing", async () => {
  const events = eventsOf([
    { tokens: 2, version: 1, mixed: false },
    { tokens: 3, version: 1, mixed: false },
    { tokens: 1, version: 1, mixed: true },
  ]);
  const log = new EventLog(ACCEPTED);
  const { signal } = new AbortController();
  const early = log.read(0, signal);
  log.append(events[1] as RolloutEvent);
  const seen = [...((await early.next()).value ?? [])];
  for (const event of events.slice(2)) log.append(event);
  log.settle(...arrays(events));
  log.append(finished);
  for await (const batch of early) seen.push(...batch);
  assert.deepEqual(flat(seen.map(({ event }) => event)), flat([...events, finished]));
  assert.deepEqual(
    seen.map(({ seq }) => seq),
    [0, 1, 2, 3, 4],
  );
  assert.deepEqual(
    (await readFrom(log, 0)).map(({ seq }) => seq),
    [0, 2, 3, 4],
  );
});
