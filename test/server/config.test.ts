import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveConfig } from "../../server/config.ts";

const TOKENS = { tokens_file: "t.toml" };

for (const [name, flags, allowed] of [
  ["loopback", { host: "127.0.0.1" }, true],
  ["all of 127", { host: "127.9.8.7" }, true],
  ["IPv6 loopback", { host: "::1" }, true],
  ["localhost", { host: "localhost" }, true],
  ["every address", { host: "0.0.0.0" }, false],
  ["every IPv6 address", { host: "::" }, false],
  ["a name that begins like loopback", { host: "127.0.0.1.example.com" }, false],
  ["tokens in the clear", { host: "0.0.0.0", ...TOKENS }, false],
  ["plaintext without tokens", { host: "0.0.0.0", allow_plaintext: "true" }, false],
  [
    "tokens, and a word that something else encrypts",
    { host: "0.0.0.0", ...TOKENS, allow_plaintext: "true" },
    true,
  ],
] as const) {
  test(`${allowed ? "listens" : "refuses to listen"}: ${name}`, () => {
    if (allowed) assert.equal(resolveConfig(flags, {}, null).host, flags.host);
    else
      assert.throws(() => resolveConfig(flags, {}, null), {
        code: "invalid_argument",
        message: /refusing to listen/,
        details: { path: "host" },
      });
  });
}
