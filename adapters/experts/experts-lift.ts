/**
 * Takes the routed experts out of an engine's reply while it comes, and makes events of them: whoever reads the JSON sees an
 * empty string in their place. vLLM sends them as base64 of a `.npy` file with every request, whoever asked; SGLang as base64
 * of int32s, which it does not divide into layers.
 */
import type { EngineEvent } from "../engine.ts";
import { StringLift } from "../json/string-lift.ts";
import { Base64Pieces, type PiecesOptions } from "./base64-pieces.ts";
import { broken } from "./broken.ts";
import { readNpyHead } from "./npy.ts";

export interface ExpertsLiftOptions extends PiecesOptions {
  /** `values`: without a head, which whoever reads the JSON tells. */
  readonly form: "npy" | "int32" | "values";
  /** The string's name; default `routed_experts`. */
  readonly name?: string;
  /** Of `values`: bytes before what is wanted; default none. */
  readonly skipBytes?: number;
  /** Else what comes is read over. */
  readonly wanted: boolean;
}

type ExpertsEvent = Extract<EngineEvent, { type: "experts" | "experts_head" }>;

export class ExpertsLift {
  readonly #lift: StringLift;

  /** `json`: of the reply without them, good until it returns. */
  constructor(
    options: ExpertsLiftOptions,
    json: (bytes: Buffer) => void,
    emit: (event: ExpertsEvent) => void,
  ) {
    const pieces = options.wanted ? eventPieces(options, emit) : null;
    this.#lift = new StringLift(options.name ?? "routed_experts", {
      json,
      string: (bytes) => pieces?.push(bytes),
      end: () => pieces?.end(),
    });
  }

  /** Amid them: whatever comes next is many bytes more. */
  get inside(): boolean {
    return this.#lift.inside;
  }

  /** Throws `engine_error` for what are no routed experts, and what `json` throws. */
  push(bytes: Uint8Array): void {
    this.#lift.push(bytes);
  }

  end(): void {
    this.#lift.end();
  }
}

function eventPieces(
  options: ExpertsLiftOptions,
  emit: (event: ExpertsEvent) => void,
): Base64Pieces {
  let headed = options.form === "values";
  let skip = options.skipBytes ?? 0;
  return new Base64Pieces(options, (whole) => {
    const piece = whole.subarray(Math.min(skip, whole.length));
    skip -= whole.length - piece.length;
    if (piece.length === 0) return;
    if (headed) return emit({ type: "experts", bytes: piece });
    headed = true;
    if (options.form === "int32") {
      emit({ type: "experts_head", head: { dtype: "int32", row: null } });
      return emit({ type: "experts", bytes: piece });
    }
    const npy = readNpyHead(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength));
    if (npy === null) throw broken("a .npy file that is cut off");
    emit({ type: "experts_head", head: npy.head });
    const bytes = piece.subarray(npy.end);
    if (bytes.length > 0) emit({ type: "experts", bytes });
  });
}
