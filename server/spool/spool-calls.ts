/** The messages between `spool.ts` and the thread that writes. */
import type { Found } from "./recovery.ts";
import type { Written } from "./segment-writer.ts";

export interface SpoolFolder {
  readonly folder: string;
  readonly segmentBytes: number;
}

export type SpoolCall =
  | { readonly type: "open" | "sync" | "close" }
  /** `bytes` comes back with the answer, to be filled again. */
  | { readonly type: "append"; readonly kind: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: "drop"; readonly segment: number };

/** What the thread answers to those calls that it has something to say to. */
export interface SpoolAnswer {
  readonly found?: Found;
  readonly written?: Written;
  readonly buffer?: ArrayBuffer;
}
