import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createKvBlocks,
  type KvBlocks,
  rootChain,
  type Sealed,
  type SealKind,
} from "../../../server/engine/kv-blocks.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";

const ids = (...tokens: number[]): Uint32Array => Uint32Array.from(tokens);
const ROOT = rootChain("p@1#1");

/** Seals what nothing stands in the way of. */
function seal(
  kv: KvBlocks,
  chain: string,
  tokens: Uint32Array,
  block: number,
  kind?: SealKind,
): Sealed {
  const made = kv.seal(chain, tokens, block, kind);
  assert.ok(made !== null);
  return { block: made.block, chain: made.chain };
}

test("a sealed block is found again by its whole prefix in its namespace only", () => {
  const kv = createKvBlocks(4);
  const first = seal(kv, ROOT, ids(1, 2), kv.take() ?? -1);
  const second = seal(kv, first.chain, ids(3, 4), kv.take() ?? -1);
  kv.release([first.block, second.block]);
  assert.equal(kv.held, 0);
  assert.equal(kv.available, 4);
  assert.equal(kv.find(rootChain("p@2#2"), ids(1, 2)), null);
  assert.equal(kv.find(ROOT, ids(3, 4)), null);
  assert.deepEqual(kv.find(ROOT, ids(1, 2)), { ...first, older: false });
  assert.deepEqual(kv.find(first.chain, ids(3, 4)), { ...second, older: false });
  assert.equal(kv.held, 2);
});

test("an equal block is shared instead of kept twice", () => {
  const kv = createKvBlocks(2);
  const made = seal(kv, ROOT, ids(1), kv.take() ?? -1);
  const shared = seal(kv, ROOT, ids(1), kv.take() ?? -1);
  assert.deepEqual(shared, made);
  assert.equal(kv.held, 1);
  kv.release([made.block]);
  assert.equal(kv.held, 1);
});

test("the least recently released block goes first, and a sequence's tail before its head", () => {
  const kv = createKvBlocks(3);
  const head = seal(kv, ROOT, ids(1), kv.take() ?? -1);
  const tail = seal(kv, head.chain, ids(2), kv.take() ?? -1);
  kv.release([head.block, tail.block]);
  assert.notEqual(kv.take(), tail.block, "a free block is taken before a cached one");
  assert.equal(kv.take(), tail.block);
  assert.deepEqual(kv.find(ROOT, ids(1)), { ...head, older: false });
  assert.equal(kv.find(head.chain, ids(2)), null);
  assert.equal(kv.take(), null, "all are held");
});

test("flush forgets what nobody holds; forget lets nothing be found", () => {
  const kv = createKvBlocks(3);
  const held = seal(kv, ROOT, ids(1), kv.take() ?? -1);
  kv.release([seal(kv, ROOT, ids(2), kv.take() ?? -1).block]);
  kv.flush();
  assert.equal(kv.find(ROOT, ids(2)), null);
  assert.deepEqual(kv.find(ROOT, ids(1)), { ...held, older: false });
  kv.forget();
  assert.equal(kv.find(ROOT, ids(1)), null);
  kv.release([held.block, held.block]);
  assert.equal(kv.available, 3);
  assert.throws(() => kv.release([held.block]), /not held/);
});

test("a carried namespace outlives the weights, and tells what is older than they are", () => {
  const kv = createKvBlocks(6);
  const chain = rootChain("p~j/s");
  const pure = { mixed: false, carried: "p~j/s" };
  const old = seal(kv, chain, ids(1), kv.take() ?? -1, pure);
  kv.release([seal(kv, ROOT, ids(1), kv.take() ?? -1).block]);
  kv.forget();
  assert.equal(kv.find(ROOT, ids(1)), null);
  assert.deepEqual(kv.find(chain, ids(1)), { ...old, older: true });
  // On top of it everything is mixed, and stays so.
  const mixed = seal(kv, old.chain, ids(2), kv.take() ?? -1, { ...pure, mixed: true });
  assert.deepEqual(kv.find(old.chain, ids(2)), { ...mixed, older: true });
  // Equal tokens of another age, or mixed in another way, are other KV: nobody gets it for his own.
  const own = kv.take() ?? -1;
  assert.equal(kv.seal(chain, ids(1), own, pure), null);
  assert.equal(kv.seal(old.chain, ids(2), own, { ...pure, mixed: true }), null);
  const fresh = seal(kv, chain, ids(3), own, pure);
  assert.deepEqual(kv.find(chain, ids(3)), { ...fresh, older: false });
  kv.drop("p~j/s");
  for (const token of [1, 3]) assert.equal(kv.find(chain, ids(token)), null);
  kv.release([old.block, old.block, mixed.block, mixed.block, fresh.block, fresh.block]);
  assert.deepEqual([kv.held, kv.available], [0, 6]);
});

test("random histories: no block has two owners, none is lost", () => {
  const random = seededRandom(testSeed("kv-blocks"));
  const kv = createKvBlocks(12);
  /** What each block holds: written at seal, and checked whenever it is found. */
  const content = new Map<number, string>();
  const holdings: { blocks: number[] }[] = [];
  for (let round = 0; round < 5_000; round++) {
    const action = random.u32() % 16;
    if (action === 0) kv.flush();
    else if (action === 1) kv.forget();
    else if (action < 9) {
      const holding = { blocks: [] as number[] };
      let chain = ROOT;
      let path = "";
      const tokens = Array.from({ length: 1 + (random.u32() % 4) }, () => random.u32() % 2);
      for (const token of tokens) {
        path += token;
        const found = kv.find(chain, ids(token));
        const block = found?.block ?? kv.take();
        if (block === null) break;
        if (found !== null) assert.equal(content.get(block), path, "found another prefix's block");
        const made = found ?? seal(kv, chain, ids(token), block);
        content.set(made.block, path);
        holding.blocks.push(made.block);
        chain = made.chain;
      }
      const own = kv.take();
      if (own !== null) {
        for (const other of holdings) assert.ok(!other.blocks.includes(own), "given out twice");
        holding.blocks.push(own);
      }
      holdings.push(holding);
    } else {
      const [gone] = holdings.splice(random.u32() % Math.max(1, holdings.length), 1);
      if (gone !== undefined) kv.release(gone.blocks);
    }
    assert.equal(kv.held, new Set(holdings.flatMap(({ blocks }) => blocks)).size);
    assert.equal(kv.held + kv.available, kv.total);
  }
});
