import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  formatEntry,
  hashToken,
  mintToken,
  parseTokens,
  readTokensFile,
} from "../../../../server/api/auth/tokens-file.ts";
import { testToken } from "../../../support/tokens.ts";

const HASH = `sha256:${"0".repeat(64)}`;
const entry = (more: string): string =>
  `[[tokens]]\nname = "a"\nhash = "${HASH}"\nscopes = ["read"]\n${more}\n`;

const BAD: readonly [name: string, text: string, path: string][] = [
  ["what is not TOML", "[[tokens", "tokens_file"],
  ["an unknown field", entry("job = 'x'"), "tokens.0"],
  ["a token for its hash", entry("").replace(HASH, "pl_abc"), "tokens.0.hash"],
  ["an unknown scope", entry("").replace("read", "write"), "tokens.0.scopes.0"],
  ["no scope", entry("").replace('["read"]', "[]"), "tokens.0.scopes"],
  ["bound to no job", entry("jobs = []"), "tokens.0.jobs"],
  ["a job that is no id", entry("jobs = ['a b']"), "tokens.0.jobs.0"],
  ["a rate of nothing", entry("rate = 0"), "tokens.0.rate"],
  ["a rate that is no number", entry("rate = nan"), "tokens.0.rate"],
  ["half a place", entry("concurrency = 1.5"), "tokens.0.concurrency"],
  ["an end that is no date", entry("expires = 'soon'"), "tokens.0.expires"],
  ["two of one name", entry("") + entry("").replace("00", "11"), "tokens.1.name"],
  ["two of one hash", entry("") + entry("").replace('"a"', '"b"'), "tokens.1.hash"],
];

for (const [name, text, path] of BAD) {
  test(`refuses ${name}, and names where`, () => {
    assert.throws(() => parseTokens(text, "f.toml"), {
      code: "invalid_argument",
      message: /f\.toml/,
      details: { path },
    });
  });
}

test("the widest of several scopes counts", () => {
  const [read] = parseTokens(entry("").replace('"read"', '"admin", "read"'), "f");
  assert.equal(read?.scope, "admin");
});

test("what is written is read again", () => {
  const entries = [
    testToken({ name: "plain" }).entry,
    testToken({
      name: "bound",
      scope: "generate",
      jobs: new Set(["a", "b"]),
      rate: 0.5,
      concurrency: 3,
      expiresAt: Date.UTC(2030, 1, 2, 3),
    }).entry,
  ];
  assert.deepEqual(parseTokens(entries.map(formatEntry).join("\n"), "f"), entries);
});

test("an empty file lets nobody in, and is no error", () => {
  assert.deepEqual(parseTokens("", "f"), []);
});

test("tokens are long, random and not in their entry", () => {
  const token = mintToken();
  assert.match(token, /^pl_[A-Za-z0-9_-]{43}$/);
  assert.notEqual(mintToken(), token);
  const { secret, entry: written } = testToken();
  assert.equal(written.hash, hashToken(secret));
  assert.ok(!formatEntry(written).includes(secret));
});

test("a file that is not there says how to make one; one that anybody may write is refused", () => {
  const path = join(mkdtempSync(join(tmpdir(), "paceline-")), "tokens.toml");
  assert.throws(() => readTokensFile(path), { message: /paceline token --file/ });
  writeFileSync(path, entry(""));
  assert.equal(readTokensFile(path).length, 1);
  chmodSync(path, 0o666);
  assert.throws(() => readTokensFile(path), { message: /chmod/ });
});
