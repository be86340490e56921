/**
 * Routed experts as Dynamo's frontend tells them in `nvext`, of workers that were built and started for it: one object, of
 * prompt and output from `start` on.
 *
 *     "routed_experts": {"data": "<base64>", "shape": [rows, layers, experts a token], "start": 0, "dtype": "uint8" | "uint16" | "int32"}
 */
import { z } from "zod";
import { PacelineError } from "../../server/contract/errors.ts";
import { EXPERTS_DTYPES, type ExpertsHead } from "../../server/contract/routed-experts.ts";
import { LIMITS } from "../../server/limits.ts";
import type { EngineEvent, EngineRequest } from "../engine.ts";
import { ExpertsLift } from "../experts/experts-lift.ts";
import type { ReplyDecoder } from "../http/event-stream.ts";
import { broken } from "./errors.ts";

export const ROUTED_EXPERTS = "routed_experts";

const told = z.looseObject({
  shape: z.tuple([z.int().min(0), z.int().min(1), z.int().min(1)]),
  start: z.int().min(0).default(0),
  dtype: z.enum(EXPERTS_DTYPES),
});

const WIDTHS = { uint8: 1, uint16: 2, int32: 4 } as const;

/** Null where there are none. Throws `engine_error` for what is no such object. */
export function headOf(given: unknown): (ExpertsHead & { readonly start: number }) | null {
  if (given === undefined || given === null) return null;
  const parsed = told.safeParse(given);
  if (!parsed.success) throw broken(`routed experts whose ${parsed.error.issues[0]?.path} is none`);
  const { shape, start, dtype } = parsed.data;
  return { dtype, row: shape.slice(1), start };
}

/** `decoderOf`: of the reply without their data, given what takes what else `nvext` says of them. `probed`: what a row is. Rows before the first that is wanted are read over: no call asks for fewer. */
export function takeExperts(
  { side, buffer }: EngineRequest,
  probed: ExpertsHead,
  emit: (event: EngineEvent) => void,
  decoderOf: (take: (given: unknown) => void) => ReplyDecoder,
): ReplyDecoder {
  const row = (probed.row ?? []).reduce(
    (product, length) => product * length,
    WIDTHS[probed.dtype],
  );
  const start = side?.routedExperts?.start ?? 0;
  const decoder = decoderOf((given) => {
    const head = headOf(given);
    if (head === null) return;
    if (
      head.dtype !== probed.dtype ||
      head.row?.join() !== probed.row?.join() ||
      head.start !== 0
    ) {
      throw new PacelineError("misaligned", "Dynamo: routed experts of another shape than probed", {
        details: { doubtful: true },
      });
    }
    emit({ type: "experts_head", head: probed });
  });
  const lift = new ExpertsLift(
    {
      ...{ form: "values", name: "data", wanted: true, skipBytes: start * row, buffer },
      ...{ pieceBytes: LIMITS.sidePieceBytes, mostBytes: LIMITS.sideBytes },
    },
    (bytes) => decoder.push(bytes),
    emit,
  );
  return {
    push: (bytes) => lift.push(bytes),
    get bulk() {
      return lift.inside;
    },
    end() {
      lift.end();
      decoder.end();
    },
  };
}
