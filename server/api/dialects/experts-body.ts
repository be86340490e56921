/**
 * A dialect's reply with routed experts in it. Its text has a mark in their place; what belongs there is written behind what
 * comes before it, piece by piece, so that neither the text nor the experts ever lie in memory as one.
 */
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
export const EXPERTS_MARK = "\0";

type Sides = Pick<DialectContext, "rollouts" | "job">;

/** `experts`: those of the marks, in their order. Throws `expired` where a Result went before it could be told. */
export function sendMarked(
  reply: FastifyReply,
  text: string,
  experts: readonly RoutedExperts[],
  form: ExpertsForm,
  sides: Sides,
): FastifyReply | Promise<void> {
  if (experts.length === 0) return sendJson(reply, text);
  const { parts, close } = filled(text, experts, form, sides);
  const bytes =
    // A mark is one byte.
    Buffer.byteLength(text) -
    experts.length +
    experts.reduce((sum, one) => sum + base64Length(one, form), 0);
  const headers = { "content-type": JSON_TYPE, "content-length": bytes };
  return sendFlow(reply, { status: 200, headers }, parts(), close);
}

/** As `sendMarked`, of one event or several of a stream. False: nobody reads any more. */
export async function writeMarked(
  stream: Pick<LiveStream, "write" | "writeAll">,
  text: string,
  experts: readonly RoutedExperts[],
  form: ExpertsForm,
  sides: Sides,
): Promise<boolean> {
  if (experts.length === 0) return stream.write(text);
  const { parts, close } = filled(text, experts, form, sides);
  try {
    return await stream.writeAll(parts());
  } finally {
    close();
  }
}

/** The text with what belongs in its marks' places; open until `close`. */
function filled(
  text: string,
  experts: readonly RoutedExperts[],
  form: ExpertsForm,
  { rollouts, job }: Sides,
): { parts(): AsyncGenerator<string | Uint8Array>; close(): void } {
  const opened = new Map<RoutedExperts, StoredSide>();
  const close = (): void => {
    for (const side of opened.values()) side.close();
  };
  try {
    for (const one of experts) {
      if ("ref" in one.held) opened.set(one, rollouts.side(job, one.held.ref));
    }
  } catch (thrown) {
    close();
    throw thrown;
  }
  return {
    close,
    async *parts() {
      for (const [index, before] of text.split(EXPERTS_MARK).entries()) {
        yield before;
        const one = experts[index];
        if (one !== undefined) yield* expertsBase64(one, form, piecesOf(one, opened.get(one)));
      }
    },
  };
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
