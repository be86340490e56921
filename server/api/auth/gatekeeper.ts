/**
 * Lets calls in: who is it, may it, is it one too many. Both fronts ask it before they read a body.
 * Tokens can be replaced while calls run; those that run go on.
 */
import { timingSafeEqual } from "node:crypto";
import type { Clock } from "../../contract/clock.ts";
import { PacelineError } from "../../contract/errors.ts";
import { LIMITS } from "../../limits.ts";
import type { Access } from "./access.ts";
import { ANYONE, assertAccess, type Caller } from "./caller.ts";
import { Quota, type QuotaLimits } from "./quota.ts";
import { hashToken, type TokenEntry } from "./tokens-file.ts";

export interface Gatekeeper {
  /** The caller behind an `Authorization` header. Throws `unauthenticated`. */
  identify(authorization: string | undefined): Caller;
  /**
   * Counts a call of it in; `leave` must follow. Throws `permission_denied`, `quota_exceeded` or
   * `overloaded`.
   */
  admit(caller: Caller, access: Access): void;
  leave(caller: Caller): void;
}

export interface TokenGatekeeper extends Gatekeeper {
  /** Takes these tokens in place of the former. Limits of a name that stays go on counting. */
  replace(entries: readonly TokenEntry[]): void;
}

interface Holder extends Caller {
  readonly hash: Buffer;
  readonly expiresAt: number | null;
  readonly quota: Quota;
}

const rules = {
  admit(caller: Caller, access: Access): void {
    assertAccess(caller, access);
    caller.quota?.enter();
  },
  leave: ({ quota }: Caller): void => quota?.leave(),
};

export function createTokenGatekeeper(
  entries: readonly TokenEntry[],
  clock: Pick<Clock, "now" | "wall">,
): TokenGatekeeper {
  let byHash = new Map<string, Holder>();
  let byName = new Map<string, Holder>();

  const holderOf = (entry: TokenEntry): Holder => {
    const { name, scope, jobs, expiresAt } = entry;
    const known = byName.get(name)?.quota;
    known?.change(entry);
    const quota = known ?? new Quota(name, entry, clock);
    return { name, scope, jobs, expiresAt, quota, hash: Buffer.from(entry.hash, "hex") };
  };

  const replace = (next: readonly TokenEntry[]): void => {
    const holders = next.map(holderOf);
    byHash = new Map(holders.map((holder) => [holder.hash.toString("hex"), holder]));
    byName = new Map(holders.map((holder) => [holder.name, holder]));
  };
  replace(entries);

  return {
    ...rules,
    identify(authorization) {
      const presented = hashToken(bearerToken(authorization));
      // Looked up by its hash, no part of which a caller can steer towards a stored one; then compared in constant time.
      const holder = byHash.get(presented);
      if (holder === undefined || !timingSafeEqual(holder.hash, Buffer.from(presented, "hex"))) {
        throw new PacelineError("unauthenticated", "this token is not known here");
      }
      if (holder.expiresAt !== null && holder.expiresAt <= clock.wall()) {
        const when = new Date(holder.expiresAt).toISOString();
        throw new PacelineError("unauthenticated", `token ${holder.name} expired at ${when}`);
      }
      return holder;
    },
    replace,
  };
}

/** For a server without tokens: everybody may do everything, within one quota that all share. */
export function createOpenGatekeeper(limits: QuotaLimits, clock: Pick<Clock, "now">): Gatekeeper {
  const quota = new Quota("this server, without tokens,", limits, clock, "overloaded");
  const everybody: Caller = { ...ANYONE, scope: "admin", quota };
  return { ...rules, identify: () => everybody };
}

function bearerToken(authorization: string | undefined): string {
  if (authorization === undefined) {
    throw new PacelineError("unauthenticated", "send a token: Authorization: Bearer …");
  }
  const token = /^bearer +([!-~]+)$/i.exec(authorization)?.[1];
  if (token === undefined || token.length > LIMITS.tokenChars) {
    throw new PacelineError("unauthenticated", "not of the form Authorization: Bearer TOKEN");
  }
  return token;
}
