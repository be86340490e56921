/**
 * LoRA calls. An adapter is a policy with a base, whose versions travel like others'; where no engine of the job can hold
 * one, they are refused before anything is read.
 */
import { PacelineError } from "../../../contract/errors.ts";
import type { DialectContext, DialectRoute } from "../dialect.ts";

export function adapterRoutes({ policy }: DialectContext): DialectRoute[] {
  const refuse = (path: string): DialectRoute => ({
    method: "POST",
    path,
    scope: "admin",
    touches: "all",
    handler() {
      throw new PacelineError(
        "unsupported",
        `no engine that serves ${policy()} takes LoRA adapters`,
        {
          details: { path: "lora_name" },
        },
      );
    },
  });
  return ["/load_lora_adapter", "/v1/load_lora_adapter", "/v1/unload_lora_adapter"].map(refuse);
}
