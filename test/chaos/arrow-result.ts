/** A row of an Arrow reply as the Result that the same rollout has in JSON. */
import { decodeError } from "../../server/api/codec/error.ts";
import { decodeResult } from "../../server/api/codec/result.ts";
import type { Result } from "../../server/contract/result.ts";

type Fields = Readonly<Record<string, unknown>>;

const fields = (value: unknown): Fields => Object(value) as Fields;
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Throws the error of a row that has one. Rows of rollouts that want side data are not read. */
export function resultOfRow(row: Fields): Result {
  const {
    error,
    prompt_logprobs: _,
    prompt_version: __,
    top_logprobs,
    sampling_mask,
    routed_experts,
    stored,
    kept_tokens: ___,
    ...rest
  } = row;
  if (error != null) throw errorOfRow(error);
  const side = [top_logprobs, sampling_mask, routed_experts, stored];
  if (side.some((one) => one != null)) throw new Error("a row with side data");
  const { matched_id, matched_string, ...finish } = fields(rest["finish_reason"]);
  return decodeResult({
    ...rest,
    finish_reason: { ...finish, matched: matched_id ?? matched_string ?? null },
    segments: list(rest["segments"]).map((segment) => {
      const { dtype, ...others } = fields(segment);
      return { ...others, numerics: { dtype } };
    }),
  });
}

function errorOfRow(error: unknown): Error {
  const { details, kept_output_tokens: kept, retry_after_ms, ...rest } = fields(error);
  return decodeError({
    ...rest,
    ...(retry_after_ms == null ? {} : { retry_after_ms }),
    details: JSON.parse(String(details)),
    ...(kept == null ? {} : { kept: { output_tokens: kept } }),
  });
}
