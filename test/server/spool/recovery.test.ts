import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { RECORD_HEAD, SEGMENT_HEAD } from "../../../server/spool/record.ts";
import { recover } from "../../../server/spool/recovery.ts";
import { type SegmentFiles, SegmentWriter } from "../../../server/spool/segment-writer.ts";

const root = fs.mkdtempSync(join(tmpdir(), "paceline-recovery-"));
after(() => fs.rmSync(root, { recursive: true }));
let folders = 0;
function freshFolder(): string {
  const folder = join(root, String(folders++));
  fs.mkdirSync(folder);
  return folder;
}

const SIZES = [5, 0, 40, 17];
const WHOLE = SIZES.reduce((sum, size) => sum + RECORD_HEAD + size, SEGMENT_HEAD);

/** One segment of four records. */
function written(): { readonly folder: string; readonly file: string } {
  const folder = freshFolder();
  const writer = new SegmentWriter(folder, 1, 10_000);
  for (const [kind, size] of SIZES.entries()) writer.append(kind, Buffer.alloc(size, 65 + kind));
  writer.close();
  return { folder, file: join(folder, "0000000001.seg") };
}
const endOf = (record: number): number =>
  SIZES.slice(0, record + 1).reduce((sum, size) => sum + RECORD_HEAD + size, SEGMENT_HEAD);

test("a segment cut anywhere holds the records before the cut, and its torn end is gone", () => {
  for (let cut = 0; cut < WHOLE; cut++) {
    const { folder, file } = written();
    fs.truncateSync(file, cut);
    const { records, damages, segments } = recover(folder);
    const whole = SIZES.filter((_, n) => endOf(n) <= cut).length;
    const end = cut < SEGMENT_HEAD ? 0 : whole === 0 ? SEGMENT_HEAD : endOf(whole - 1);
    assert.deepEqual(
      records.map(({ kind }) => kind),
      SIZES.slice(0, whole).map((_, n) => n),
    );
    const torn = { segment: 1, offset: end, bytes: cut - end, what: "torn" };
    assert.deepEqual(damages, cut === end && cut > 0 ? [] : [torn], `cut at ${cut}`);
    assert.equal(fs.statSync(file).size, end);
    assert.deepEqual(segments, [{ segment: 1, bytes: end }]);
    assert.deepEqual(recover(folder).records, records, "a second look finds the same");
  }
});

test("a flipped bit costs the record that it is in, or what follows a head, and is named", () => {
  for (let at = 0; at < WHOLE; at++) {
    const { folder, file } = written();
    const bytes = fs.readFileSync(file);
    bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << (at % 8)), at);
    fs.writeFileSync(file, bytes);
    const { records, damages } = recover(folder);
    const hit = SIZES.findIndex((_, n) => at < endOf(n));
    const start = hit === 0 ? SEGMENT_HEAD : endOf(hit - 1);
    const inHead = at < start + RECORD_HEAD;
    const expected =
      at < SEGMENT_HEAD ? [] : [0, 1, 2, 3].filter((n) => n < hit || (n > hit && !inHead));
    assert.deepEqual(
      records.map(({ kind }) => kind),
      expected,
      `bit at ${at}`,
    );
    const [damage, ...others] = damages;
    assert.deepEqual(others, []);
    assert.equal(damage?.what, "corrupt");
    assert.ok(damage !== undefined && damage.offset <= at && at < damage.offset + damage.bytes);
    assert.equal(fs.statSync(file).size, WHOLE, "nothing is cut off");
  }
});

test("room that was given and never written is cut off", () => {
  const { folder, file } = written();
  fs.appendFileSync(file, Buffer.alloc(500));
  const { records, damages } = recover(folder);
  assert.equal(records.length, SIZES.length);
  assert.deepEqual(damages, [{ segment: 1, offset: WHOLE, bytes: 500, what: "torn" }]);
});

test("whatever lies in a segment, recovery ends and finds only what has its checksums", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: WHOLE }), (noise, at) => {
      const { folder, file } = written();
      const fd = fs.openSync(file, "r+");
      fs.writeSync(fd, noise, 0, noise.length, at);
      fs.closeSync(fd);
      const { records } = recover(folder);
      for (const { kind, ref } of records) {
        const bytes = fs
          .readFileSync(file)
          .subarray(ref.offset + RECORD_HEAD)
          .subarray(0, ref.length);
        assert.ok(bytes.equals(Buffer.alloc(SIZES[kind] ?? -1, 65 + kind)));
      }
    }),
    { numRuns: 200 },
  );
});

/** A disk that takes `room` bytes, a few at a time, and may refuse to cut. */
function smallDisk(room: number, cuts = true): SegmentFiles & { grow(bytes: number): void } {
  let left = room;
  return {
    ...fs,
    grow(bytes) {
      left += bytes;
    },
    writevSync(fd, parts, position) {
      if (left === 0) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
      const all = Buffer.concat(parts as readonly Uint8Array[]);
      const taken = Math.min(left, 7, all.length);
      left -= taken;
      return fs.writeSync(fd, all, 0, taken, position);
    },
    ftruncateSync(fd, length) {
      if (!cuts) throw Object.assign(new Error("input/output error"), { code: "EIO" });
      left += fs.fstatSync(fd).size - (length ?? 0);
      fs.ftruncateSync(fd, length);
    },
  };
}

test("a full disk refuses a record and leaves nothing of it; with room again it goes on", () => {
  const folder = freshFolder();
  const disk = smallDisk(100);
  const writer = new SegmentWriter(folder, 1, 10_000, disk);
  writer.append(0, Buffer.alloc(20, 65));
  assert.throws(() => writer.append(1, Buffer.alloc(60, 66)), { code: "ENOSPC" });
  const second = writer.append(2, Buffer.alloc(30, 67));
  assert.deepEqual([second.segment, second.offset], [1, SEGMENT_HEAD + RECORD_HEAD + 20]);
  disk.grow(100);
  writer.append(3, Buffer.alloc(60, 68));
  writer.sync();
  writer.close();
  const { records, damages } = recover(folder);
  assert.deepEqual(
    records.map(({ kind }) => kind),
    [0, 2, 3],
  );
  assert.deepEqual(damages, []);
});

test("what cannot be cut off is left behind as the torn end of a segment", () => {
  const folder = freshFolder();
  const disk = smallDisk(80, false);
  const writer = new SegmentWriter(folder, 1, 10_000, disk);
  writer.append(0, Buffer.alloc(20, 65));
  assert.throws(() => writer.append(1, Buffer.alloc(60, 66)), { code: "ENOSPC" });
  disk.grow(1_000);
  assert.equal(writer.append(2, Buffer.alloc(10, 67)).segment, 2);
  writer.sync();
  writer.close();
  const { records, damages } = recover(folder);
  assert.deepEqual(
    records.map(({ kind }) => kind),
    [0, 2],
  );
  assert.deepEqual(
    damages.map(({ segment, what }) => ({ segment, what })),
    [{ segment: 1, what: "torn" }],
  );
});

test("once an fsync has failed no later one says that all is well, until nobody wants what was hit", () => {
  const folder = freshFolder();
  let failing = true;
  const writer = new SegmentWriter(folder, 1, 10_000, {
    ...fs,
    fsyncSync(fd) {
      if (failing) throw Object.assign(new Error("input/output error"), { code: "EIO" });
      fs.fsyncSync(fd);
    },
  });
  writer.append(0, Buffer.alloc(20, 65));
  assert.throws(() => writer.sync(), { code: "EIO" });
  failing = false;
  assert.throws(() => writer.sync(), { code: "EIO" }, "the pages may be gone");
  assert.equal(writer.append(1, Buffer.alloc(20, 66)).segment, 2, "what comes next lies elsewhere");
  assert.throws(() => writer.sync(), { code: "EIO" });
  writer.drop(1);
  writer.sync();
  writer.close();
});
