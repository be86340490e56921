/**
 * What a call asks of its caller: a scope, and which jobs it touches. Both fronts name it for every
 * call that they serve; a handler cannot be registered without.
 */

/** Each scope holds those before it. `none` asks for no token at all. */
export const SCOPES = ["read", "generate", "admin"] as const;

export type TokenScope = (typeof SCOPES)[number];
export type Scope = TokenScope | "none";

export interface Access {
  /** Name of the call, for the audit. */
  readonly call: string;
  readonly scope: Scope;
  /**
   * What a token that is bound to jobs may do here: `named` where the request names its jobs, which are
   * then compared; `filtered` where the handler leaves out what is of other jobs; `fleet` where nothing
   * is of a job; `all` where other jobs show or suffer: refused.
   */
  readonly jobs: "named" | "filtered" | "fleet" | "all";
  /** Whether each call leaves an audit line. */
  readonly audited: boolean;
}

/** Beside what is of no job, and needs no token. */
export const OPEN: Access = { call: "open", scope: "none", jobs: "fleet", audited: false };

export const covers = (held: TokenScope, needed: TokenScope): boolean =>
  SCOPES.indexOf(held) >= SCOPES.indexOf(needed);
