/**
 * The thread that writes the spool, because writing and fsync block. All appends that wait when it becomes free are
 * written before the one fsync that their callers share.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import type { ThreadReply, ThreadRequest } from "../worker-thread.ts";
import { type Found, recover } from "./recovery.ts";
import { SegmentWriter } from "./segment-writer.ts";
import type { SpoolAnswer, SpoolCall, SpoolFolder } from "./spool-calls.ts";

const port = parentPort;
if (port === null) throw new Error("spool-thread.ts runs as a worker thread only");
const { folder, segmentBytes } = workerData as SpoolFolder;
let lock: DatabaseSync | null = null;
let writer: SegmentWriter | null = null;

port.on("message", (first: ThreadRequest<SpoolCall>) => {
  const waiting = [first];
  for (let more = receiveMessageOnPort(port); more; more = receiveMessageOnPort(port)) {
    waiting.push(more.message as ThreadRequest<SpoolCall>);
  }
  const syncs = waiting.filter(({ call }) => call.type === "sync");
  for (const request of waiting) if (request.call.type !== "sync") serve(request);
  if (syncs.length === 0) return;
  // One fsync for all of them; a second one would say nothing of what the first could not write.
  let failure: unknown = null;
  try {
    opened().sync();
  } catch (thrown) {
    failure = thrown;
  }
  for (const { id } of syncs) {
    answer(id, () => {
      if (failure !== null) throw failure;
      return {};
    });
  }
});

function serve({ id, call }: ThreadRequest<SpoolCall>): void {
  switch (call.type) {
    case "append": {
      const { buffer } = call.bytes;
      answer(id, () => ({ written: opened().append(call.kind, call.bytes), buffer }), [buffer]);
      return;
    }
    case "open":
      answer(id, () => ({ found: open() }));
      return;
    case "drop":
      answer(id, () => {
        opened().drop(call.segment);
        return {};
      });
      return;
    case "sync":
      throw new Error("syncs are served together");
    case "close":
      answer(id, close);
  }
}

function open(): Found {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  lock = new DatabaseSync(join(folder, "lock"));
  // Held until the process ends, however it ends: a second server would drop the segments of the first.
  lock.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  const found = recover(folder);
  const last = found.segments.at(-1)?.segment ?? 0;
  writer = new SegmentWriter(folder, last + 1, segmentBytes);
  return found;
}

function opened(): SegmentWriter {
  if (writer === null) throw new Error("not open");
  return writer;
}

function close(): SpoolAnswer {
  writer?.close();
  lock?.close();
  return {};
}

function answer(id: number, act: () => SpoolAnswer, transfer: ArrayBuffer[] = []): void {
  let reply: ThreadReply<SpoolAnswer>;
  try {
    reply = { id, value: act() };
  } catch (thrown) {
    const error = errorFrom(thrown);
    port?.postMessage({ id, error } satisfies ThreadReply);
    return;
  }
  port?.postMessage(reply, transfer);
}

function errorFrom(thrown: unknown) {
  const { code, message } = thrown as NodeJS.ErrnoException;
  const full = code === "ENOSPC" || code === "EDQUOT";
  const why = /locked/.test(message) ? "locked: another server uses it" : message;
  return {
    code: full ? "spool_full" : "store_unavailable",
    message: `spool ${folder}: ${why}`,
  } as const;
}
