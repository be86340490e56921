/**
 * The name that vLLM is given for the weights in it (`/update_weight_version`), which it reads back (`/weight_info`) and writes
 * on its tokens (`weight_versions`): `policy@version#load`. One that was set by others may leave out the load.
 */
import type { HeldReport } from "../../server/contract/policy.ts";

const LABEL = /^([A-Za-z0-9._:-]{1,128})@(\d{1,15})(?:#(\d{1,15}))?$/;

export type Named = Pick<HeldReport, "policy" | "version" | "load">;

export const labelOf = ({ policy, version, load }: Named): string => `${policy}@${version}#${load}`;

/** `null`: nobody who knows our versions named it; `default` is what a fresh server says. */
export function parseLabel(label: string): Named | null {
  const [, policy, version, load = "0"] = LABEL.exec(label) ?? [];
  if (policy === undefined) return null;
  return { policy, version: Number(version), load: Number(load) };
}
