/** Bodies of the engine's control routes, each parsed to the call that the compute thread answers. */
import { z } from "zod";
import { FAULT_KINDS } from "../../../adapters/embedded/wire.ts";
import { LIMITS } from "../../limits.ts";
import { invalid } from "./generate-body.ts";
import type { ComputeCall } from "./messages.ts";

const id = z.string().min(1).max(LIMITS.idChars);
const version = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const tokens = z.int().min(0).max(LIMITS.outputTokens);

const path = z.string().min(1).max(4096);
const kv = z.enum(["keep", "drop"]);

const nothing = z.strictObject({}).default({});
const abort = z.strictObject({ request_id: id });
const pause = z.strictObject({ mode: z.enum(["keep", "retract", "abort"]) });
const dropCache = z.strictObject({ cache_namespace: z.string().max(4 * LIMITS.idChars) });
const stage = z.strictObject({ policy: id, version, path });
const swap = z.strictObject({ policy: id, version, kv });
const named = z.strictObject({ policy: id, version });
const load = z.strictObject({ policy: id, version, path, kv: kv.default("keep") });
const fault = z.strictObject({
  kind: z.enum(FAULT_KINDS),
  after_tokens: tokens.default(0),
  count: z.int().min(1).max(LIMITS.outputTokens).default(1),
  factor: z.number().positive().max(1e6).default(10),
  path: path.optional(),
});

/** Throws `invalid_argument` with the field's path. */
function parse<T extends z.ZodType>(schema: T, json: unknown): z.infer<T> {
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw invalid(parsed.error);
  return parsed.data;
}

/** A call that says all by its name. */
const bare =
  (kind: "resume" | "flush" | "sleep" | "wake") =>
  (json: unknown): ComputeCall => {
    parse(nothing, json);
    return { kind };
  };

/** By method and path; the body is `undefined` where none was sent. */
export const CONTROL_ROUTES: Readonly<Record<string, (json: unknown) => ComputeCall>> = {
  "GET /info": () => ({ kind: "info" }),
  "GET /telemetry": () => ({ kind: "telemetry" }),
  "POST /abort": (json) => ({ kind: "abort", requestId: parse(abort, json).request_id }),
  "POST /pause": (json) => ({ kind: "pause", mode: parse(pause, json).mode }),
  "POST /resume": bare("resume"),
  "POST /flush": bare("flush"),
  "POST /drop_cache": (json) => ({
    kind: "dropCache",
    namespace: parse(dropCache, json).cache_namespace,
  }),
  "POST /sleep": bare("sleep"),
  "POST /wake": bare("wake"),
  "POST /weights/stage": (json) => ({ kind: "stage", ...parse(stage, json) }),
  "POST /weights/swap": (json) => ({ kind: "swap", ...parse(swap, json) }),
  "POST /weights/discard": (json) => ({ kind: "discard", ...parse(named, json) }),
  "POST /update_weights": (json) => ({ kind: "load", ...parse(load, json) }),
  "POST /update_weight_version": (json) => ({ kind: "relabel", ...parse(named, json) }),
  "POST /faults": (json) => ({ kind: "fault", fault: parse(fault, json) }),
};
