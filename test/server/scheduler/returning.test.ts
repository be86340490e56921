/** Who is first of those that wait for one slot, however they come, go and come to stand otherwise. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Returning } from "../../../server/scheduler/returning.ts";
import type { Slot } from "../../../server/scheduler/slots.ts";
import { Waiting, waitingBefore } from "../../../server/scheduler/waiting.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";
import { card } from "./samples.ts";

test("the first is the first of a full look", () => {
  const random = seededRandom(testSeed("returning"));
  const returning = new Returning();
  const home = { returning } as unknown as Slot;
  const there: Waiting[] = [];
  const standing = () => ({ urgency: random.u32() % 3, rank: random.u32() % 4 });
  for (let n = 0; n < 5_000; n++) {
    const at = random.u32() % 12;
    const known = there[at];
    if (known === undefined) {
      const waiting = new Waiting(card(String(n)), null, n, standing());
      waiting.home = home;
      there.push(waiting);
      returning.add(waiting);
    } else if (random.u32() % 2 === 0) known.stand(standing());
    else {
      there.splice(at, 1);
      returning.delete(known);
    }
    if (random.u32() % 3 === 0) continue;
    const [first = null] = there.toSorted((a, b) => (waitingBefore(a, b) ? -1 : 1));
    assert.equal(returning.first, first);
  }
});
