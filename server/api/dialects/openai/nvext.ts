/** Dynamo's `nvext`: token ids in, and the fields that are to come back with the reply. */
import { invalid } from "../../codec/invalid.ts";

/** Those that can be answered here. */
const FIELDS = [
  "completion_token_ids",
  "prompt_token_ids",
  "prompt_logprobs",
  "stop_reason",
  "engine_data",
  "timing",
] as const;

export type NvextField = (typeof FIELDS)[number];

export interface NvextAsked {
  /** Instead of what the prompt would be rendered to; unchecked. */
  readonly tokenData: unknown;
  readonly fields: ReadonlySet<NvextField>;
  readonly priority: unknown;
  readonly ignored: readonly string[];
}

const KNOWN: ReadonlySet<string> = new Set([
  "token_data",
  "extra_fields",
  "cache_salt",
  "agent_hints",
]);
const NOTHING: NvextAsked = { tokenData: null, fields: new Set(), priority: null, ignored: [] };

/** Throws `invalid_argument`. */
export function nvextAsked(given: unknown): NvextAsked {
  if (given === undefined || given === null) return NOTHING;
  if (typeof given !== "object" || Array.isArray(given))
    throw invalid("nvext", "must be an object");
  const nvext = given as Readonly<Record<string, unknown>>;
  const names = nvext["extra_fields"] ?? [];
  if (!Array.isArray(names) || !names.every((name) => typeof name === "string")) {
    throw invalid("nvext.extra_fields", "must be an array of names");
  }
  const fields = new Set<NvextField>();
  const ignored = Object.keys(nvext)
    .filter((name) => !KNOWN.has(name))
    .map((name) => `nvext.${name}`);
  for (const name of names) {
    const known = FIELDS.find((field) => field === name);
    if (known !== undefined) fields.add(known);
    else ignored.push(`nvext.extra_fields.${name}`);
  }
  const hints = nvext["agent_hints"];
  const priority =
    typeof hints === "object" && hints !== null ? (Reflect.get(hints, "priority") ?? null) : null;
  return { tokenData: nvext["token_data"] ?? null, fields, priority, ignored };
}
