/** Reads an Arrow reply of rollouts with another implementation: arrow-rs takes it apart and writes it anew. */
import { RecordBatchReader, StructRow, Vector } from "apache-arrow";
import { Table as RustTable } from "parquet-wasm/node";

export interface ArrowReply {
  /** As plain values: structs as objects, lists as arrays, int64 as numbers. */
  readonly rows: readonly Record<string, unknown>[];
  /** Of the schema and of all batches, `paceline.` taken off, parsed. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Rows of each batch. */
  readonly batches: readonly number[];
}

export function readArrow(bytes: Uint8Array): ArrowReply {
  const metadata: Record<string, unknown> = {};
  const keep = (map: ReadonlyMap<string, string>): void => {
    for (const [name, text] of map) {
      const key = name.replace(/^paceline\./, "");
      metadata[key] = key === "schema" ? text : JSON.parse(text);
    }
  };
  // arrow-rs drops what a batch says of itself.
  const batches: number[] = [];
  const own = RecordBatchReader.from(bytes).open();
  keep(own.schema.metadata);
  for (const batch of own) {
    batches.push(batch.numRows);
    keep(batch.metadata);
  }
  const rows: Record<string, unknown>[] = [];
  const rewritten = RecordBatchReader.from(RustTable.fromIPCStream(bytes).intoIPCStream());
  for (const batch of rewritten) for (const row of batch) rows.push(plainFields(row));
  return { rows, metadata, batches };
}

const plainFields = (row: StructRow): Record<string, unknown> =>
  Object.fromEntries(Object.entries(row.toJSON()).map(([name, value]) => [name, plain(value)]));

function plain(value: unknown): unknown {
  if (value instanceof StructRow) return plainFields(value);
  if (value instanceof Vector) return Array.from(value, plain);
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Uint8Array) return [...value];
  return value;
}
