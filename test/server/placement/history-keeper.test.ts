/** What is learned of prompts outlives the process, in a store as it is and in one that fails. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PacelineError } from "../../../server/contract/errors.ts";
import { LIMITS } from "../../../server/limits.ts";
import { createHistoryKeeper } from "../../../server/placement/history-keeper.ts";
import { createMemoryStore } from "../../../server/store/memory-store.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const told: PacelineError[] = [];
const failed = (error: PacelineError): void => void told.push(error);

test("what was kept is loaded by the next life, the newest of each prompt", async () => {
  const [store, clock] = [createMemoryStore(), new VirtualClock()];
  const keeper = createHistoryKeeper(store, clock, failed);
  assert.deepEqual(await keeper.load(), []);
  keeper.keep([{ prompt: "p a", apart: 1, weight: 1 }]);
  keeper.keep([{ prompt: "p a", apart: 0.5, weight: 1.7 }]);
  await clock.advance(60_000);
  keeper.keep([{ prompt: "p b", apart: -2, weight: 1 }]);
  await keeper.close();
  const loaded = await createHistoryKeeper(store, clock, failed).load();
  assert.deepEqual(
    [...loaded].sort((a, b) => a.apart - b.apart),
    [
      { prompt: "p b", apart: -2, weight: 1 },
      { prompt: "p a", apart: 0.5, weight: 1.7 },
    ],
  );
  assert.deepEqual(told, []);
});

test("a store that fails loses nothing but time, and beyond the limit the oldest go", async () => {
  const [store, clock] = [createMemoryStore(), new VirtualClock()];
  const full = new PacelineError("store_unavailable", "disk full");
  let broken = true;
  const commit: typeof store.commit = (changes) =>
    broken ? Promise.reject(full) : store.commit(changes);
  const keeper = createHistoryKeeper({ ...store, commit }, clock, failed);
  keeper.keep([{ prompt: "p old", apart: 1, weight: 1 }]);
  await clock.advance(60_000);
  assert.deepEqual(told.splice(0), [full]);
  broken = false;
  await keeper.close();
  await clock.advance(1_000);
  const many = Array.from({ length: LIMITS.promptHistories }, (_, i) => ({
    prompt: `p ${i}`,
    apart: 0,
    weight: 1,
  }));
  keeper.keep(many);
  await keeper.close();
  const loaded = await keeper.load();
  assert.equal(loaded.length, LIMITS.promptHistories);
  assert.ok(!loaded.some(({ prompt }) => prompt === "p old"));
  assert.equal((await store.list("prompts")).length, LIMITS.promptHistories);
});
