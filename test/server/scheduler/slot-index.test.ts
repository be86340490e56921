import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Ask, slotSeconds } from "../../../server/scheduler/cost.ts";
import { DEFAULT_OPTIONS } from "../../../server/scheduler/options.ts";
import { Peers } from "../../../server/scheduler/peers.ts";
import { Kind, Worker } from "../../../server/scheduler/roster.ts";
import { SlotIndex } from "../../../server/scheduler/slot-index.ts";
import { Slot } from "../../../server/scheduler/slots.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";
import { worker } from "./samples.ts";

type Random = ReturnType<typeof seededRandom>;

function randomSlot(id: number, random: Random): Slot {
  const view = worker(`w${id}`, {}, { kvTokens: Math.floor(2 ** (12 + random.next() * 8)) });
  const owner = new Worker(view, new Kind("k", view, DEFAULT_OPTIONS), new Peers());
  const [shape] = view.slots;
  assert.ok(shape);
  const slot = new Slot(owner, shape, DEFAULT_OPTIONS);
  owner.open = true;
  owner.slots.push(slot);
  shake(slot, random);
  return slot;
}

function shake(slot: Slot, random: Random): void {
  slot.worker.open = random.u32() % 8 !== 0;
  slot.running = random.u32() % 65;
  slot.reserved = random.u32() % slot.kvTokens;
  slot.remaining = random.u32() % (slot.reserved + 1);
  slot.step = { a: 0.005 + random.next() / 50, s: random.next() / 1_000 };
  slot.prefillTokensPerSecond = 1_000 + (random.u32() % 20_000);
  slot.prefillFreeAt = random.next() * 4;
}

function ask(random: Random): Ask {
  // Now and then beyond the grid that the bound is made of.
  const contextTokens = Math.floor(2 ** (random.next() * 18));
  const newTokens = Math.floor(2 ** (random.next() * 18));
  // Now and then a pool has some of it.
  const prefillTokens = Math.ceil(contextTokens * Math.min(1, 2 * random.next()));
  return { contextTokens, prefillTokens, newTokens, nowSeconds: 2 };
}

const price = (slot: Slot, asked: ReturnType<typeof ask>): number =>
  slotSeconds(asked, slot, 0, DEFAULT_OPTIONS.kvBarrierSeconds);

describe("the index against a full scan, slots coming, going and changing", () => {
  for (const searchTolerance of [0, DEFAULT_OPTIONS.searchTolerance]) {
    test(`within ${searchTolerance} of the cheapest, and none where the scan finds none`, () => {
      const random = seededRandom(testSeed(`slot index ${searchTolerance}`));
      const index = new SlotIndex({ ...DEFAULT_OPTIONS, searchTolerance, searchNodes: 1e6 });
      const slots: Slot[] = [];
      let found = 0;
      for (let round = 0; round < 3_000; round++) {
        if (slots.length < 40 && random.u32() % 3 === 0) {
          const slot = randomSlot(round, random);
          slots.push(slot);
          index.add(slot);
        } else if (slots.length > 5 && random.u32() % 4 === 0) {
          const [gone] = slots.splice(random.u32() % slots.length, 1);
          if (gone) index.remove(gone);
        }
        const changed = slots[random.u32() % slots.length];
        if (changed) {
          shake(changed, random);
          index.changed(changed);
        }
        const asked = ask(random);
        const tokens = asked.contextTokens + asked.newTokens;
        const avoid = slots.slice(0, random.u32() % 3).map((slot) => slot.worker.incarnation);
        const open = slots.filter((slot) => !avoid.includes(slot.worker.incarnation));
        const fitting = open.filter((slot) => slot.room(null) >= tokens);
        const least = Math.min(...fitting.map((slot) => price(slot, asked)));
        const below = Number.POSITIVE_INFINITY;
        const best = index.cheapest({ ask: asked, tokens, avoid, below, ties: random.u32() });
        assert.equal(best === null, fitting.length === 0);
        assert.equal(index.room, Math.max(-1, ...slots.map((slot) => slot.room(null))));
        if (best === null) continue;
        found++;
        assert.ok(fitting.includes(best.slot));
        assert.equal(best.seconds, price(best.slot, asked));
        assert.ok(best.seconds * (1 - searchTolerance) <= least + 1e-12);
      }
      assert.ok(found > 500);
    });
  }
});
