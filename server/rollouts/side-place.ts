/** Where a rollout's side data goes at its end: what is small into its Result, what is not, or wanted so, by reference. */
import type { IdRows, PromptLogprobs, SideData, TopLogprobs } from "../contract/side-data.ts";
import {
  maskArrays,
  type PartArrays,
  promptArrays,
  type StoredPart,
  topArrays,
} from "../contract/stored-side.ts";
import type { SideStore } from "./side-store.ts";

export interface SidePlace {
  readonly job: string;
  /** Null: there is none, and rows stay in the Result, within their own limits. */
  readonly store: SideStore | null;
  /** A part of so many bytes lies in the Result. */
  readonly inlineBytes: number;
  /** By reference, whatever its size. */
  readonly byRef: boolean;
}

interface Rows {
  readonly prompt: PromptLogprobs | null;
  readonly top: TopLogprobs | null;
  readonly mask: IdRows | null;
}

/** What has no room in the store stays in the Result. Nobody may write to the arrays any more. */
export function placed({ prompt, top, mask }: Rows, place: SidePlace): Omit<SideData, "experts"> {
  const part = prompt && put(promptArrays(prompt), place);
  const stored = {
    prompt: part && { ...part, version: prompt?.version ?? null },
    top: top && put(topArrays(top), place),
    mask: mask && put(maskArrays(mask), place),
  };
  return {
    prompt: stored.prompt === null ? prompt : null,
    top: stored.top === null ? top : null,
    mask: stored.mask === null ? mask : null,
    stored: Object.values(stored).every((one) => one === null) ? null : stored,
  };
}

function put({ arrays, size }: PartArrays, { job, store, inlineBytes, byRef }: SidePlace) {
  if (store === null || size.bytes === 0 || (size.bytes <= inlineBytes && !byRef)) return null;
  const parts = arrays.map(
    ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  );
  const ref = store.put(job, parts);
  return ref === null ? null : ({ ref, ...size } satisfies StoredPart);
}
