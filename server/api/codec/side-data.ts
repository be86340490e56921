/** The fields that side data adds to a Result, as text and back. Number arrays are written as tokens' are. */
import type { RoutedExperts } from "../../contract/routed-experts.ts";
import type { Encoding } from "../../contract/schema.ts";
import type { WireResult } from "../../contract/schema-result.ts";
import type { IdRows, PromptLogprobs, SideData, TopLogprobs } from "../../contract/side-data.ts";
import type { StoredPart, StoredSide } from "../../contract/stored-side.ts";
import { invalid } from "./invalid.ts";
import { floatsText, idsText } from "./number-arrays.ts";

/** To be put before a Result's closing brace; empty where there is none. NaN is written as `null`. */
export function sideText(side: SideData | null, encoding: Encoding): string {
  if (side === null) return "";
  const { prompt, top, mask, experts, stored } = side;
  const beside = [
    ...(mask === null ? [] : [maskText(mask, encoding)]),
    ...(experts === null ? [] : [expertsText(experts)]),
    ...(stored === null ? [] : [`"stored":${JSON.stringify(storedToWire(stored))}`]),
  ];
  return (
    (prompt === null ? "" : `,"prompt_logprobs":${floatsText(prompt.logprobs, encoding)}`) +
    versionText(prompt ?? stored?.prompt ?? null) +
    (top === null ? "" : topText(top, encoding)) +
    (beside.length === 0 ? "" : `,"side":{${beside.join()}}`)
  );
}

const versionText = (prompt: Pick<PromptLogprobs, "version"> | null): string =>
  prompt === null ? "" : `,"prompt_version":${prompt.version}`;

/** Also as gRPC has it. */
export function storedToWire({ prompt, top, mask }: StoredSide) {
  return {
    ...(prompt && { prompt_logprobs: partToWire(prompt) }),
    ...(top && { top_logprobs: partToWire(top) }),
    ...(mask && { sampling_mask: partToWire(mask) }),
  };
}

const partToWire = ({ ref, bytes, rows, entries }: StoredPart): StoredPart => ({
  ...{ ref, bytes, rows, entries },
});

function topText({ offsets, ids, logprobs }: TopLogprobs, encoding: Encoding): string {
  const idRows: string[] = [];
  const logprobRows: string[] = [];
  for (let row = 0; row + 1 < offsets.length; row++) {
    const from = offsets[row] as number;
    const to = offsets[row + 1] as number;
    idRows.push(idsText(ids.subarray(from, to), encoding));
    logprobRows.push(floatsText(logprobs.subarray(from, to), encoding));
  }
  return `,"top_logprobs":{"ids":[${idRows.join()}],"logprobs":[${logprobRows.join()}]}`;
}

const maskText = ({ offsets, ids }: IdRows, encoding: Encoding): string =>
  `"sampling_mask":{"ids":${idsText(ids, encoding)},"offsets":${idsText(offsets, encoding)}}`;

/** `data` is base64 in either encoding, and comes first: a reader can cut it out of the text. */
function expertsText({ held, dtype, firstPosition, shape, ...experts }: RoutedExperts): string {
  const { source, bytes, crc32 } = experts;
  const facts = { dtype, first_position: firstPosition, shape, source, bytes, crc32 };
  const given =
    "ref" in held ? JSON.stringify(held) : `{"data":"${bufferOf(held.data).toString("base64")}"}`;
  return `"routed_experts":${given.slice(0, -1)},${JSON.stringify(facts).slice(1)}`;
}

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

type WireSide = Pick<
  WireResult,
  "prompt_logprobs" | "prompt_version" | "top_logprobs" | "side" | "usage"
>;

export function sideFromWire(wire: WireSide): SideData | null {
  const prompt = promptFromWire(wire);
  const top = wire.top_logprobs == null ? null : topFromWire(wire.top_logprobs);
  const mask = wire.side?.sampling_mask ?? null;
  const experts = expertsFromWire(wire.side?.routed_experts ?? null);
  const stored = storedFromWire(wire);
  const nothing = [prompt, top, mask, experts, stored].every((part) => part === null);
  return nothing ? null : { prompt, top, mask, experts, stored };
}

type WireExperts = NonNullable<NonNullable<WireResult["side"]>["routed_experts"]>;

function expertsFromWire(wire: WireExperts | null): RoutedExperts | null {
  if (wire === null) return null;
  const { dtype, first_position: firstPosition, shape, source, bytes, crc32, data, ref } = wire;
  if (ref == null && data == null) throw invalid("side.routed_experts", "has neither data nor ref");
  const held = ref == null ? { data: Buffer.from(data ?? "", "base64") } : { ref };
  return { dtype, firstPosition, shape, source, bytes, crc32, held };
}

function storedFromWire({ side, prompt_version: version }: WireSide): StoredSide | null {
  if (side?.stored == null) return null;
  const { prompt_logprobs: prompt, top_logprobs: top, sampling_mask: mask } = side.stored;
  return {
    prompt: prompt == null ? null : { ...prompt, version: version ?? null },
    top: top ?? null,
    mask: mask ?? null,
  };
}

function promptFromWire(wire: WireSide): PromptLogprobs | null {
  const { prompt_logprobs: logprobs, prompt_version: version, usage } = wire;
  if (logprobs == null) return null;
  const start = usage.prompt_tokens - logprobs.length;
  return { start, logprobs, version: version ?? null };
}

function topFromWire({ ids, logprobs }: NonNullable<WireSide["top_logprobs"]>): TopLogprobs {
  const offsets = new Uint32Array(ids.length + 1);
  for (const [row, { length }] of ids.entries()) {
    offsets[row + 1] = (offsets[row] as number) + length;
  }
  const entries = offsets[ids.length] as number;
  const all = new Uint32Array(entries);
  const values = new Float32Array(logprobs.reduce((sum, { length }) => sum + length, 0));
  for (const [row, part] of ids.entries()) all.set(part, offsets[row]);
  let at = 0;
  for (const part of logprobs) {
    values.set(part, at);
    at += part.length;
  }
  return { offsets, ids: all, logprobs: values };
}

/** Of a Result or of the data of a stream's event: by whichever array it has. */
export function encodingOfReply(body: unknown): Encoding {
  const { output_token_ids: ids, prompt_logprobs: prompt, top_logprobs, side } = fieldsOf(body);
  const [firstRow] = Array.isArray(fieldsOf(top_logprobs)["ids"])
    ? (fieldsOf(top_logprobs)["ids"] as unknown[])
    : [];
  const maskIds = fieldsOf(fieldsOf(side)["sampling_mask"])["ids"];
  return [ids, prompt, firstRow, maskIds].some((array) => typeof array === "string")
    ? "b64"
    : "json";
}

const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? { ...value } : {};
