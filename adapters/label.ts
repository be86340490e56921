/**
 * What we call weights at an engine that keeps one string for them (SGLang, Dynamo's workers) and gives it back. Ours says policy,
 * version and how often this life of the engine has loaded, `default@7#3`, so that a server of ours that comes later reads there
 * what an earlier one has proved to have put in place.
 */
export interface Label {
  readonly policy: string;
  readonly version: number;
  /** Counts loads; 0 where somebody else named them without one (`default@7`). */
  readonly load: number;
}

const LABEL = /^([^@#]{1,256})@(\d{1,16})(?:#(\d{1,16}))?$/;

export const labelText = ({ policy, version, load }: Label): string =>
  `${policy}@${version}#${load}`;

/** Null for a name that is none of ours. */
export function parseLabel(text: string): Label | null {
  const [, policy, version, load = "0"] = LABEL.exec(text) ?? [];
  if (policy === undefined) return null;
  const label = { policy, version: Number(version), load: Number(load) };
  return Number.isSafeInteger(label.version) && Number.isSafeInteger(label.load) ? label : null;
}
