/** What an engine calls one version of an adapter: a name that never means another content, as no engine tells versions of one. */
import type { HeldReport } from "../../server/contract/policy.ts";
import type { EngineRequest } from "../engine.ts";

type Named = Pick<HeldReport, "policy" | "version">;

const NAME = /^([A-Za-z0-9._:-]{1,128})@(\d{1,15})$/;

export const adapterName = ({ policy, version }: Named): string => `${policy}@${version}`;

/** Null for a name that is none of ours. */
export function parseAdapterName(name: string): Named | null {
  const [, policy, version] = NAME.exec(name) ?? [];
  return policy === undefined ? null : { policy, version: Number(version) };
}

/** Of what a request runs under; null: the weights in service alone. */
export const adapterOf = ({ policy, adapter }: EngineRequest): string | null =>
  adapter === undefined ? null : adapterName({ policy, version: adapter.version });

/** The policy of the weights in service that a request needs: its tokens' labels name this one. */
export const weightsPolicyOf = ({
  policy,
  adapter,
}: Pick<EngineRequest, "policy" | "adapter">): string => adapter?.base ?? policy;
