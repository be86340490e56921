import assert from "node:assert/strict";
import { test } from "node:test";
import type { SchedulerEvent } from "../../../server/scheduler/events.ts";
import { recordScheduler, replay } from "../../../server/scheduler/recording.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";
import { card, only, worker } from "./samples.ts";

/** A live run in small: a clock of its own, offers and ends as they come. */
function record(seed: number, limit: number) {
  const random = seededRandom(seed);
  let now = 0;
  const clock = { now: () => (now += random.next()) };
  const options = { waitingLimit: 50, suspectMs: 5 };
  const scheduler = recordScheduler("paceline", clock, seed, seededRandom, options, limit);
  const said: unknown[] = [];
  const running: { key: string; attempt: number }[] = [];
  const send = (event: SchedulerEvent) => {
    const commands = scheduler.handle(event);
    said.push(commands);
    running.push(...only(commands, "grant"));
  };
  send({ type: "committed", policy: "p", version: 1 });
  for (let i = 0; i < 8; i++) send({ type: "worker", worker: worker(`w${i}`) });
  for (let i = 0; i < 400; i++) {
    const job = `j${random.u32() % 3}`;
    const session = random.u32() % 4 === 0 ? `s${random.u32() % 8}` : null;
    send({ type: "offer", card: card(`${job}/${i}`, { job, session, acceptedAt: now }) });
    if (random.u32() % 8 < 5) {
      const ended = running.shift();
      const outcome = random.u32() % 16 === 0 ? "lost" : "finished";
      if (ended !== undefined) send({ type: "done", ...pair(ended), outcome, outputTokens: 40 });
    }
  }
  return { recording: scheduler.recording(), said };
}

const pair = ({ key, attempt }: { key: string; attempt: number }) => ({ key, attempt });

test("a recording, written out and read back, replays to the same commands", () => {
  const { recording, said } = record(testSeed("recording"), 10_000);
  assert.equal(recording.dropped, 0);
  assert.ok(said.length > 500);
  const read = JSON.parse(JSON.stringify(recording)) as typeof recording;
  assert.deepEqual(replay(read, seededRandom), said);
});

test("another seed breaks ties differently: the commands do depend on it", () => {
  const { recording, said } = record(1, 10_000);
  assert.notDeepEqual(replay({ ...recording, seed: 2 }, seededRandom), said);
});

test("the ring keeps the newest inputs, in order, and counts what it dropped", () => {
  const { recording } = record(3, 100);
  const all = record(3, 10_000).recording.inputs;
  assert.deepEqual(recording.inputs, all.slice(-100));
  assert.equal(recording.dropped, all.length - 100);
});
