/** What is put into the side store at once: there from then on, whatever becomes of the disk, and within its limits. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PacelineError } from "../../../server/contract/errors.ts";
import { createSideStore, type SideStore } from "../../../server/rollouts/side-store.ts";
import type { SpoolRef } from "../../../server/spool/record.ts";

/** A spool whose disk writes a piece when it is told to, and fails when told so. */
function slowSpool() {
  const kept = new Map<SpoolRef, Buffer<ArrayBuffer>>();
  const waiting: { write(): void; fail(error: PacelineError): void }[] = [];
  const spool = {
    append: (bytes: Uint8Array<ArrayBuffer>) =>
      new Promise<SpoolRef>((resolve, reject) => {
        const copy = Buffer.from(bytes);
        // It is the spool's from here on.
        bytes.fill(0xff);
        waiting.push({
          write() {
            const ref = { segment: 1, offset: kept.size, length: copy.length, crc: 0 };
            kept.set(ref, copy);
            resolve(ref);
          },
          fail: reject,
        });
      }),
    release: (ref: SpoolRef) => assert.ok(kept.delete(ref), "what was kept is released once"),
    async read(ref: SpoolRef) {
      const found = kept.get(ref);
      if (found === undefined) throw new PacelineError("expired", "released");
      return found;
    },
    backlog: () => null,
    buffer: (bytes: number) => new Uint8Array(bytes + 3),
    get usage() {
      const bytes = [...kept.values()].reduce((sum, { length }) => sum + length, 0);
      return { bytes, segments: 1 };
    },
  };
  /** Until nothing waits any more. */
  async function settle(act: "write" | PacelineError): Promise<void> {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (act === "write") next.write();
      else next.fail(act);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return { spool, kept, waiting, settle };
}

const LIMITS = { bytes: 1_000, unwrittenBytes: 300, pieceBytes: 32 };
const PARTS = [80, 1, 20].map((length, part) =>
  Uint8Array.from({ length }, (_, at) => (41 * part + at) % 251),
);
const WHOLE = Buffer.concat(PARTS);

function world(limits = {}) {
  const disk = slowSpool();
  const told: string[] = [];
  const store = createSideStore(disk.spool, { ...LIMITS, ...limits }, "0a", (fate, error) =>
    told.push(error === null ? fate : `${fate}: ${error.code}`),
  );
  return { ...disk, store, told };
}

async function read(store: SideStore, ref: string, from = 0, to = WHOLE.length): Promise<Buffer> {
  const side = store.open("j", ref);
  const copies: Buffer[] = [];
  for await (const piece of side.read(from, to)) {
    assert.ok(piece.length <= LIMITS.pieceBytes);
    copies.push(Buffer.from(piece));
  }
  side.close();
  return Buffer.concat(copies);
}

function put(store: SideStore, parts: readonly Uint8Array[] = PARTS): string {
  const ref = store.put("j", parts);
  assert.ok(ref !== null);
  return ref;
}

const RANGES = [
  [0, 101],
  [0, 1],
  [79, 82],
  [31, 65],
  [100, 101],
  [50, 50],
] as const;

test("is read the same before the disk has it, while it is written, and after", async () => {
  const { store, settle, waiting, told, kept } = world();
  const ref = put(store);
  const assertReads = async (): Promise<void> => {
    for (const [from, to] of RANGES) {
      assert.ok((await read(store, ref, from, to)).equals(WHOLE.subarray(from, to)), `${from}`);
    }
  };
  await assertReads();
  assert.equal(store.unwrittenBytes, WHOLE.length);
  waiting.shift()?.write();
  await assertReads();
  await settle("write");
  await new Promise((resolve) => setImmediate(resolve));
  await settle("write");
  await assertReads();
  assert.deepEqual([told, store.unwrittenBytes], [["stored"], 0]);
  assert.ok(Buffer.concat([...kept.values()]).equals(WHOLE));
  store.release(ref);
  assert.equal(kept.size, 0);
  assert.throws(() => store.open("j", ref), { code: "expired" });
});

test("who reads already reads to the end, from wherever he began", async () => {
  const { store, settle } = world();
  const ref = put(store);
  const side = store.open("j", ref);
  const pieces = side.read(0, WHOLE.length);
  const first = Buffer.from((await pieces.next()).value ?? []);
  await settle("write");
  store.release(ref);
  const rest: Buffer[] = [];
  for await (const piece of pieces) rest.push(Buffer.from(piece));
  side.close();
  assert.ok(Buffer.concat([first, ...rest]).equals(WHOLE));
});

test("released while it is written, it leaves nothing behind", async () => {
  const { store, settle, kept, told } = world();
  store.release(put(store));
  await settle("write");
  assert.deepEqual([kept.size, store.unwrittenBytes, told], [0, 0, []]);
});

for (const code of ["spool_full", "store_unavailable"] as const) {
  test(`a disk that says ${code} amid it loses nothing: it stays in memory while it is wanted`, async () => {
    const { store, settle, kept, told, waiting } = world();
    const ref = put(store);
    waiting.shift()?.write();
    await new Promise((resolve) => setImmediate(resolve));
    await settle(new PacelineError(code, "a test"));
    assert.deepEqual([told, kept.size], [[`failed: ${code}`], 0]);
    assert.ok((await read(store, ref)).equals(WHOLE));
    assert.equal(store.unwrittenBytes, WHOLE.length);
    store.release(ref);
    assert.equal(store.unwrittenBytes, 0);
  });
}

test("a disk that stands still costs so much memory and no more", async () => {
  const { store, told, settle } = world();
  const refs = [put(store), put(store)];
  assert.equal(store.put("j", PARTS), null, "three would be 303 bytes");
  assert.deepEqual([told, store.unwrittenBytes], [["no_room"], 2 * WHOLE.length]);
  await settle("write");
  assert.equal(store.unwrittenBytes, 0);
  refs.push(put(store));
  assert.equal(new Set(refs).size, 3);
});

test("a spool that is full takes nothing", async () => {
  const { store, told } = world({ bytes: 100 });
  assert.equal(store.put("j", PARTS), null);
  assert.deepEqual(told, ["no_room"]);
});
