/** Tokens of a test: the secret, and its entry as a tokens file would have it. */
import { hashToken, mintToken, type TokenEntry } from "../../server/api/auth/tokens-file.ts";

export interface TestToken {
  readonly secret: string;
  readonly entry: TokenEntry;
  readonly headers: { readonly authorization: string };
}

export function testToken(over: Partial<Omit<TokenEntry, "hash">> = {}): TestToken {
  const secret = mintToken();
  const entry = {
    name: "test",
    scope: "admin",
    jobs: null,
    rate: null,
    concurrency: null,
    expiresAt: null,
    ...over,
    hash: hashToken(secret),
  } as const;
  return { secret, entry, headers: { authorization: `Bearer ${secret}` } };
}
