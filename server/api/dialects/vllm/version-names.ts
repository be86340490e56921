/**
 * What the trainer calls the versions that it made: dialect fields hold these names, never our numbers. A name that ends
 * in a number (`7`, `step-7`, `broadcasts/step_7`) is also the version's label, which the ledger keeps; the spelling itself
 * is known as long as this mount lives, and after that the label's step stands for it.
 */
import { AgeMap } from "../../../age-map.ts";
import type { Label } from "../../../contract/policy.ts";
import { LIMITS } from "../../../limits.ts";

/** vLLM's own word for weights that nobody has named. */
const UNNAMED = "default";

export class VersionNames {
  readonly #names = new AgeMap<string, string>();

  set(policy: string, version: number, name: string): void {
    this.#names.set(`${policy}/${version}`, name);
    this.#names.keep(LIMITS.versionsKept);
  }

  of(
    policy: string,
    { version, label }: { readonly version: number; readonly label: Label | null },
  ): string {
    const name = this.#names.get(`${policy}/${version}`);
    return name ?? (label === null ? UNNAMED : String(label.step));
  }
}
/** The whole number that a name ends in; null where there is none. */
export function stepIn(name: string): number | null {
  const digits = /(\d{1,15})\/*$/.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}
