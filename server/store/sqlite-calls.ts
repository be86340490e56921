/** The messages between `sqlite-store.ts` and the thread that owns the file. */
import type { EncodedChange } from "./change-set.ts";

/**
 * When a commit counts as written: `full` after an fsync (survives a power cut), `normal` once the
 * operating system has it (survives `kill -9`; a power cut may lose the last commits, never half of one).
 */
export type Synchronous = "full" | "normal";

export interface SqliteFile {
  readonly file: string;
  readonly synchronous: Synchronous;
}

export type SqliteCall =
  | { readonly type: "open" | "close" }
  | { readonly type: "read"; readonly table: string; readonly key: string }
  | { readonly type: "list"; readonly table: string }
  | { readonly type: "commit"; readonly changes: readonly EncodedChange[] };
