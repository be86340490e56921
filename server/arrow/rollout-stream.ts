/**
 * Rollouts as an Arrow IPC stream: a schema, record batches, an end. What does not fit a row travels as
 * metadata in JSON text: of the schema where it is known at the start, of a last batch without rows where it is
 * known at the end (pyarrow: `read_next_batch_with_custom_metadata`; readers of rows alone never see it).
 */
import type { RecordBatchStreamWriter, Schema } from "apache-arrow";
import { assertAligned } from "../contract/tokens.ts";
import { type Arrow, createKinds } from "./kinds.ts";
import {
  createRolloutColumns,
  fieldsOf,
  type RolloutColumns,
  type RolloutRow,
} from "./rollout-columns.ts";

export const ARROW_TYPE = "application/vnd.apache.arrow.stream";

/** Value of the schema's metadata `paceline.schema`; another number where columns change their meaning. */
const SCHEMA_NAME = "rollouts.1";

/** JSON text by name, under `paceline.`. */
export type StreamMetadata = Readonly<Record<string, string>>;

/** One reply's stream. Each call answers the bytes to send next, in a few parts; the first call's carry the schema. */
export interface RolloutStream {
  /** One record batch. Throws `misaligned` (I1). */
  batch(rows: readonly RolloutRow[]): Uint8Array[];
  /** A last batch without rows if there is metadata, then the end. */
  end(metadata?: StreamMetadata): Uint8Array[];
}

interface Loaded {
  readonly arrow: Arrow;
  readonly columns: RolloutColumns;
}

let loading: Promise<Loaded> | null = null;

/** Imported at the first reply that wants it: 44 ms and 60 MB that most servers never need. */
async function load(): Promise<Loaded> {
  const arrow = await import("apache-arrow");
  return { arrow, columns: createRolloutColumns(createKinds(arrow)) };
}

export async function openRolloutStream(metadata: StreamMetadata = {}): Promise<RolloutStream> {
  loading ??= load();
  const { arrow, columns } = await loading;
  const schema = new arrow.Schema(
    fieldsOf(columns),
    prefixed({ schema: SCHEMA_NAME, ...metadata }),
  );
  const rowType = new arrow.Struct(schema.fields);
  const { writer, take } = createWriter(arrow, schema);

  const write = (rows: readonly RolloutRow[], own?: StreamMetadata): void => {
    const children = columns.map((column) => column.column(rows));
    const data = arrow.makeData({ type: rowType, length: rows.length, nullCount: 0, children });
    writer.write(new arrow.RecordBatch(schema, data, own && prefixed(own)));
  };
  return {
    batch(rows) {
      for (const row of rows) {
        if ("result" in row) assertAligned(row.result.outputTokenIds, row.result.logprobs);
      }
      write(rows);
      return take();
    },
    end(own) {
      if (own !== undefined) write([], own);
      writer.finish();
      return take();
    },
  };
}

const prefixed = (metadata: StreamMetadata): Map<string, string> =>
  new Map(Object.entries(metadata).map(([name, text]) => [`paceline.${name}`, text]));

/** A writer whose bytes are taken out as they are written: its own queue answers in promises. */
function createWriter(
  arrow: Arrow,
  schema: Schema,
): { writer: RecordBatchStreamWriter; take(): Uint8Array[] } {
  const parts: Uint8Array[] = [];
  class DirectWriter extends arrow.RecordBatchStreamWriter {
    protected override _write(chunk: ArrayBufferView): this {
      if (this._started && chunk.byteLength > 0) {
        parts.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      }
      return this;
    }
  }
  const writer = new DirectWriter({ autoDestroy: false });
  // A stream without a batch still has its schema.
  writer.reset(undefined, schema);
  return { writer, take: () => joinSmall(parts.splice(0)) };
}

/** Bytes from which on a part goes as it is: joining columns of tokens would copy them once more. */
const LARGE = 64 * 1024;

function joinSmall(parts: readonly Uint8Array[]): Uint8Array[] {
  const joined: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  const join = (): void => {
    if (small.length > 0) joined.push(Buffer.concat(small));
    small = [];
  };
  for (const part of parts) {
    if (part.length < LARGE) small.push(part);
    else {
      join();
      joined.push(part);
    }
  }
  join();
  return joined;
}
