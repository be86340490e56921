/**
 * Many rollouts over HTTP: one line, or a share of a record batch, as each ends, and a summary. The caller that
 * leaves ends what is left; one that reads slowly holds back what has not been submitted yet.
 */
import type { FastifyReply } from "fastify";
import { ARROW_TYPE, openRolloutStream } from "../../arrow/rollout-stream.ts";
import type { Clock } from "../../contract/clock.ts";
import { PacelineError } from "../../contract/errors.ts";
import type { Encoding } from "../../contract/schema.ts";
import { sideBytes } from "../../contract/side-data.ts";
import { LIMITS } from "../../limits.ts";
import {
  admitAll,
  type Bulk,
  type BulkParts,
  type Ending,
  startBulk,
} from "../../rollouts/bulk.ts";
import { gather } from "../../rollouts/gather.ts";
import { encodeError } from "../codec/error.ts";
import { decodeMany, encodeEnding, rooted, summaryToWire } from "../codec/many.ts";
import type { Mint } from "../codec/rollout.ts";
import { traceparentOf } from "../traceparent.ts";
import { toPacelineError } from "./errors.ts";
import { accepts, type Handler, type Wanted } from "./request.ts";
import type { LiveStream, Streams } from "./streams.ts";

export interface ManyRoutes extends BulkParts {
  readonly fleet: BulkParts["fleet"];
  readonly clock: Clock;
  readonly mint: Mint;
  readonly streams: Streams;
  /** Told of every rollout's error, and of one that ends the stream. */
  readonly failed: (error: PacelineError) => void;
}

export function manyRoutes(context: ManyRoutes): Record<"submitMany", Handler> {
  return {
    async submitMany(request, reply) {
      const wants = accepts(request);
      if (wants === "sse") {
        throw new PacelineError("unimplemented", "many rollouts are answered as NDJSON or Arrow", {
          details: { header: "accept" },
        });
      }
      const { body } = request;
      // Parsed bodies are several times their text: not kept while the rollouts run.
      request.body = undefined;
      const { bulk, form } = await start(
        body,
        wants,
        traceparentOf(request.headers["traceparent"]),
        context,
      );
      return streamEndings(context, bulk, form, reply);
    },
  };
}

/** On its own, so that nothing holds on to prompts while the rollouts run. */
async function start(
  body: unknown,
  wants: Wanted,
  traceparent: string | null,
  context: ManyRoutes,
): Promise<{ bulk: Bulk; form: Form }> {
  const { rollouts, encodings, need } = await decodeMany(body, context.mint, traceparent);
  admitAll(rollouts, context, (index, thrown) => rooted(`rollouts/${index}`, thrown));
  const form = wants === "arrow" ? await arrowForm(context) : lineForm(encodings);
  return { bulk: startBulk(rollouts, context, need), form };
}

/** How endings go over the wire. */
interface Form {
  readonly type: "application/x-ndjson" | typeof ARROW_TYPE;
  encode(endings: AsyncGenerator<Ending>): AsyncGenerator<string | Uint8Array>;
  summary(bulk: Bulk): string | Uint8Array;
  /** What broke the stream off, as its last record. */
  error(error: PacelineError): string | Uint8Array;
}

const lineForm = (encodings: readonly Encoding[]): Form => ({
  type: "application/x-ndjson",
  async *encode(endings) {
    for await (const ending of endings) {
      yield `${encodeEnding(ending, encodings[ending.index] ?? "json")}\n`;
    }
  },
  summary: (bulk) => `${JSON.stringify({ summary: summaryToWire(bulk.summary()) })}\n`,
  error: (error) => `${encodeError(error)}\n`,
});

async function arrowForm({ clock }: ManyRoutes): Promise<Form> {
  const arrow = await openRolloutStream();
  const bounds = {
    count: LIMITS.arrowBatchRows,
    weight: LIMITS.arrowBatchTokens,
    weigh: tokensOf,
    ms: LIMITS.arrowBatchMs,
  };
  return {
    type: ARROW_TYPE,
    async *encode(endings) {
      for await (const rows of gather(endings, clock, bounds)) yield* arrow.batch(rows);
    },
    summary: (bulk) =>
      Buffer.concat(arrow.end({ summary: JSON.stringify(summaryToWire(bulk.summary())) })),
    error: (error) => Buffer.concat(arrow.end({ error: JSON.stringify(error.toBody()) })),
  };
}

/** Eight bytes count as a token. */
function tokensOf(ending: Ending): number {
  if (!("result" in ending)) return 0;
  const { usage, side } = ending.result;
  return usage.outputTokens + (side === null ? 0 : sideBytes(side) / 8);
}

async function streamEndings(
  { streams, failed }: ManyRoutes,
  bulk: Bulk,
  form: Form,
  reply: FastifyReply,
): Promise<void> {
  const stream = streams.open(reply, form.type, "rollout");
  try {
    for await (const data of form.encode(counted(bulk, stream, failed))) {
      if (!(await stream.write(data))) return;
    }
    if (!stream.signal.aborted) await stream.write(form.summary(bulk));
  } catch (thrown) {
    const error = toPacelineError(thrown);
    failed(error);
    await stream.write(form.error(error));
  } finally {
    stream.end();
  }
}

async function* counted(
  bulk: Bulk,
  { signal }: LiveStream,
  failed: ManyRoutes["failed"],
): AsyncGenerator<Ending> {
  for await (const ending of bulk.endings(signal)) {
    if ("error" in ending) failed(ending.error);
    yield ending;
  }
}
