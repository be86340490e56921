/** Errors about a field of the contract, in the names that the caller used. */
import { PacelineError } from "../../../contract/errors.ts";

/** SGLang's name of each of the contract's fields that an error may be about. */
const NAMES: readonly (readonly [ours: string, theirs: string])[] = [
  ["sampling.seed", "sampling_params.sampling_seed"],
  ["sampling.", "sampling_params."],
  ["want.prompt_logprobs.start", "logprob_start_len"],
  ["want.top_logprobs", "top_logprobs_num"],
  ["want.routed_experts_start", "routed_experts_start_len"],
  ["want.routed_experts", "return_routed_experts"],
  ["want.sampling_mask", "sampling_params.custom_params.return_top_p_token_ids"],
  ["policy", "lora_path"],
];

/** An error about a field, in SGLang's names. `at`: where its prompt stands. */
export function renamed(thrown: unknown, at: string): unknown {
  if (!(thrown instanceof PacelineError)) return thrown;
  const { path } = thrown.details;
  if (typeof path !== "string") return thrown;
  const names = [["prompt_token_ids", at] as const, ...NAMES];
  const found = names.find(([ours]) => path.startsWith(ours));
  if (found === undefined) return thrown;
  const theirs = found[1] + path.slice(found[0].length);
  const { code, message, details, retryAfterMs } = thrown;
  return new PacelineError(code, message.replace(path, theirs), {
    details: { ...details, path: theirs },
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    cause: thrown,
  });
}
