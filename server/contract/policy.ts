/** Policies and their versions: the words that the ledger, the scheduler and a Result share. */

/** The trainer's own name of a version; `step` may go back after a restart from a checkpoint. */
export interface Label {
  readonly run: string;
  readonly step: number;
}

/** How a worker showed that it holds a version (I3), strongest first. */
export type Proof = "digest" | "receipt" | "reported";

const STRENGTH: Readonly<Record<Proof, number>> = { digest: 2, receipt: 1, reported: 0 };

export const isWeaker = (proof: Proof, than: Proof): boolean => STRENGTH[proof] < STRENGTH[than];

/** What happens to a running rollout when its worker's weights change. */
export type OnUpdate = "keep" | "reprefill" | "finish";

export type CommitMode = "all" | "quorum" | "rolling" | "latest_wins";

export type VersionState =
  | "open"
  | "gated"
  | "transferring"
  | "staged"
  | "committed"
  | "installed"
  | "superseded"
  | "aborted";

/** At most one of these; absent = any committed version. */
export type VersionConstraint =
  | { readonly exact: number }
  | { readonly min: number }
  | { readonly max_lag: number }
  | { readonly min_step: number };

/** A version that a worker proved to hold in this incarnation and load. */
export interface HeldVersion {
  readonly policy: string;
  readonly version: number;
  readonly label: Label | null;
  readonly proof: Proof;
  /** Counts weight loads within one incarnation; part of the cache namespace. */
  readonly load: number;
  /** SHA-256 content digest (hex) of what the worker holds, where it can show one. */
  readonly digest: string | null;
  /** Of an adapter: the weights that it lies on there. */
  readonly base?: BaseWeights;
}

export type BaseWeights = Pick<HeldVersion, "policy" | "version" | "load">;

/** What an engine says of itself; what that proves is not its to judge. */
export type HeldReport = Omit<HeldVersion, "label" | "proof" | "base">;

/** KV may only be shared inside one namespace (I3): an adapter's is of its base's load too. */
export function cacheNamespace({ base, ...held }: HeldVersion): string {
  return base === undefined ? loadName(held) : `${loadName(held)}+${loadName(base)}`;
}

const loadName = ({ policy, version, load }: BaseWeights): string => `${policy}@${version}#${load}`;

/**
 * The weights that an engine may replace beneath a request: an adapter's name means one content for ever, so of one it is
 * what lies beneath it.
 */
export const replaceable = (held: HeldVersion): BaseWeights => held.base ?? held;

/** KV that one session keeps to itself, over versions. No other namespace looks like it. */
export const sessionNamespace = (policy: string, session: string): string => `${policy}~${session}`;

/** Whether `constraint` allows `held` while `committed` is the fleet's version. */
export function allows(
  constraint: VersionConstraint | null,
  held: Pick<HeldVersion, "version" | "label">,
  committed: number,
): boolean {
  if (constraint === null) return true;
  if ("exact" in constraint) return held.version === constraint.exact;
  if ("min" in constraint) return held.version >= constraint.min;
  if ("max_lag" in constraint) return committed - held.version <= constraint.max_lag;
  return held.label !== null && held.label.step >= constraint.min_step;
}
