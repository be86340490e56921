/** One suite for every Store: what `commit`, `read` and `list` mean, whatever keeps the rows. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { liveClock } from "../../../server/live-clock.ts";
import { createMemoryStore } from "../../../server/store/memory-store.ts";
import { openSqliteStore } from "../../../server/store/sqlite-store.ts";
import type { Change, Store } from "../../../server/store/store.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";

const folder = mkdtempSync(join(tmpdir(), "paceline-store-"));
after(() => rmSync(folder, { recursive: true }));
let files = 0;

const stores: [string, () => Promise<Store>][] = [
  ["memory", async () => createMemoryStore()],
  ["sqlite", () => openSqliteStore(join(folder, `${files++}.sqlite`), { clock: liveClock })],
];

for (const [name, open] of stores) {
  describe(`${name} store`, () => {
    const check = (what: string, body: (store: Store) => Promise<void>) =>
      test(what, async () => {
        const store = await open();
        try {
          await body(store);
        } finally {
          await store.close();
        }
      });

    check("puts, reads back a copy, deletes", async (store) => {
      const value = { n: 1, nested: ["é", null] };
      await store.commit([{ table: "t", key: "b", value }]);
      value.n = 99;
      const row = { key: "b", value: { n: 1, nested: ["é", null] }, revision: 1 };
      assert.deepEqual(await store.read("t", "b"), row);
      assert.equal(await store.read("other", "b"), null);
      await store.commit([{ table: "t", key: "b", value: undefined }]);
      assert.equal(await store.read("t", "b"), null);
      await store.commit([{ table: "t", key: "b", value: 7 }]);
      assert.equal((await store.read("t", "b"))?.revision, 1, "a row put again is a new one");
    });

    check("a change in the same tick as its commit does not reach the row", async (store) => {
      const value = { n: 1 };
      const written = store.commit([{ table: "t", key: "a", value }]);
      value.n = 2;
      await written;
      assert.deepEqual((await store.read("t", "a"))?.value, { n: 1 });
    });

    check("lists one table in the order of its keys' bytes", async (store) => {
      const keys = ["b", "a/10", "a/2", "é", "Z", "\u{1F600}", "\uFF5E"];
      await store.commit(keys.map((key) => ({ table: "t", key, value: key })));
      await store.commit([{ table: "u", key: "x", value: 0 }]);
      const listed = (await store.list("t")).map(({ key }) => key);
      assert.deepEqual(listed, ["Z", "a/10", "a/2", "b", "é", "\uFF5E", "\u{1F600}"]);
    });

    check("a condition that does not hold undoes the whole commit", async (store) => {
      await store.commit([{ table: "t", key: "a", value: 1, ifRevision: 0 }]);
      const changes: Change[] = [
        { table: "t", key: "new", value: 1 },
        { table: "t", key: "a", value: 2, ifRevision: 7 },
      ];
      await assert.rejects(store.commit(changes), {
        code: "conflict",
        details: { table: "t", key: "a", revision: 1 },
      });
      assert.equal(await store.read("t", "new"), null);
      assert.deepEqual(await store.read("t", "a"), { key: "a", value: 1, revision: 1 });
    });

    check("what is no JSON value, or names a row twice, is a defect", async (store) => {
      for (const changes of [
        [{ table: "t", key: "a", value: () => 1 }],
        [{ table: "t", key: "a", value: "x".repeat(2 ** 20 + 1) }],
        [1, 2].map((value) => ({ table: "t", key: "a", value })),
      ]) {
        await assert.rejects(store.commit(changes), { code: "internal" });
      }
      assert.deepEqual(await store.list("t"), []);
    });

    check("of many commits at once on one revision exactly one wins", async (store) => {
      const tries = Array.from({ length: 20 }, (_, value) =>
        store.commit([{ table: "t", key: "a", value, ifRevision: 0 }]),
      );
      const outcomes = await Promise.allSettled(tries);
      assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
      assert.equal((await store.read("t", "a"))?.revision, 1);
    });

    check("commits that race keep every increment", async (store) => {
      const random = seededRandom(testSeed(`${name} store`));
      let written = 0;
      const increment = async (key: string): Promise<void> => {
        for (;;) {
          const row = await store.read<number>("n", key);
          const change = {
            table: "n",
            key,
            value: (row?.value ?? 0) + 1,
            ifRevision: row?.revision ?? 0,
          };
          const won = await store.commit([change]).then(
            () => true,
            (error) => {
              assert.equal(error.code, "conflict");
              return false;
            },
          );
          if (won) {
            written++;
            return;
          }
        }
      };
      const writers = Array.from({ length: 60 }, () => increment(`k${random.u32() % 4}`));
      await Promise.all(writers);
      const rows = await store.list<number>("n");
      assert.equal(written, 60);
      assert.equal(
        rows.reduce((sum, { value }) => sum + value, 0),
        60,
      );
      for (const { value, revision } of rows) assert.equal(revision, value);
    });

    test("answers `store_unavailable` once it is closed", async () => {
      const store = await open();
      const last = store.commit([{ table: "t", key: "a", value: 1 }]);
      await Promise.all([last, store.close(), store.close()]);
      await assert.rejects(store.read("t", "a"), { code: "store_unavailable" });
      await assert.rejects(store.commit([{ table: "t", key: "a", value: 2 }]), {
        code: "store_unavailable",
      });
    });
  });
}
