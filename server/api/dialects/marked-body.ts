/**
 * A dialect's reply with bulk in it: routed experts, or rows that are many. Its text has a mark in their place; what belongs
 * there is written behind what comes before it, piece by piece, so that neither the text nor the bulk is ever made as one.
 */
import { setImmediate as turn } from "node:timers/promises";
import type { FastifyReply } from "fastify";
import type { RoutedExperts } from "../../contract/routed-experts.ts";
import type { StoredSide } from "../../rollouts/side-store.ts";
import { JSON_TYPE } from "../http/errors.ts";
import { sendFlow } from "../http/flow.ts";
import { sendJson } from "../http/request.ts";
import type { LiveStream } from "../http/streams.ts";
import type { DialectContext } from "./dialect.ts";
import { base64Length, type ExpertsForm, expertsBase64 } from "./experts-base64.ts";

/** No JSON text holds it. */
export const MARK = "\0";

/** JSON text that is made while it is sent, in parts that are each made within a millisecond. */
export type TextParts = () => Iterable<string>;

/** What belongs in a mark's place. */
export type Fill = RoutedExperts | TextParts;

type Sides = Pick<DialectContext, "rollouts" | "job">;

/** Rows of so many entries are text that is made at once: some 200 KB. */
const FEW_ENTRIES = 4_096;

/** Characters of a part. */
const PART_CHARS = 65_536;

/** `count` entries with commas between them. */
export function* inParts(count: number, entry: (at: number) => string): Generator<string> {
  let text = "";
  for (let at = 0; at < count; at++) {
    text += at === 0 ? entry(at) : `,${entry(at)}`;
    if (text.length < PART_CHARS) continue;
    yield text;
    text = "";
  }
  yield text;
}

/** The text of so many entries, or a mark for it; `null`: this reply has no marks. */
export function textOrMark(entries: number, parts: TextParts, fills: Fill[] | null): string {
  if (entries <= FEW_ENTRIES || fills === null) return [...parts()].join("");
  fills.push(parts);
  return MARK;
}

/** `fills`: those of the marks, in their order. Throws `expired` where a Result went before it could be told. */
export function sendMarked(
  reply: FastifyReply,
  text: string,
  fills: readonly Fill[],
  form: ExpertsForm,
  sides: Sides,
): FastifyReply | Promise<void> {
  if (fills.length === 0) return sendJson(reply, text);
  const { parts, close } = filled(text, fills, form, sides);
  const experts = fills.filter((fill) => typeof fill !== "function");
  const bytes =
    // A mark is one byte.
    Buffer.byteLength(text) -
    fills.length +
    experts.reduce((sum, one) => sum + base64Length(one, form), 0);
  const known = experts.length === fills.length;
  const headers = { "content-type": JSON_TYPE, ...(known ? { "content-length": bytes } : {}) };
  return sendFlow(reply, { status: 200, headers }, parts(), close);
}

/** As `sendMarked`, of one event or several of a stream. False: nobody reads any more. */
export async function writeMarked(
  stream: Pick<LiveStream, "write" | "writeAll">,
  text: string,
  fills: readonly Fill[],
  form: ExpertsForm,
  sides: Sides,
): Promise<boolean> {
  if (fills.length === 0) return stream.write(text);
  const { parts, close } = filled(text, fills, form, sides);
  try {
    return await stream.writeAll(parts());
  } finally {
    close();
  }
}

/** The text with what belongs in its marks' places; open until `close`. */
function filled(
  text: string,
  fills: readonly Fill[],
  form: ExpertsForm,
  { rollouts, job }: Sides,
): { parts(): AsyncGenerator<string | Uint8Array>; close(): void } {
  const opened = new Map<RoutedExperts, StoredSide>();
  const close = (): void => {
    for (const side of opened.values()) side.close();
  };
  try {
    for (const one of fills) {
      if (typeof one !== "function" && "ref" in one.held)
        opened.set(one, rollouts.side(job, one.held.ref));
    }
  } catch (thrown) {
    close();
    throw thrown;
  }
  return {
    close,
    async *parts() {
      for (const [index, before] of text.split(MARK).entries()) {
        yield before;
        const fill = fills[index];
        if (typeof fill === "function") yield* inTurns(fill());
        else if (fill) yield* expertsBase64(fill, form, piecesOf(fill, opened.get(fill)));
      }
    },
  };
}

/** The system may take each part at once: others are served between them all the same. */
async function* inTurns(parts: Iterable<string>): AsyncGenerator<string> {
  for (const part of parts) {
    yield part;
    await turn();
  }
}

async function* piecesOf(
  { held, bytes }: RoutedExperts,
  stored: StoredSide | undefined,
): AsyncGenerator<Buffer> {
  if (stored !== undefined) yield* stored.read(0, bytes);
  else if ("data" in held) {
    const { buffer, byteOffset, byteLength } = held.data;
    yield Buffer.from(buffer, byteOffset, byteLength);
  }
}
