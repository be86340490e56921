import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { hashToken, readTokensFile } from "../../../server/api/auth/tokens-file.ts";
import { tokenCommand } from "../../../server/cli/token.ts";

const MAIN = fileURLToPath(new URL("../../../server/main.ts", import.meta.url));

const paceline = (...args: string[]) =>
  spawnSync(process.execPath, [MAIN, "token", ...args], { encoding: "utf8" });

test("prints the token once and keeps its hash, for its owner's eyes", () => {
  const file = join(mkdtempSync(join(tmpdir(), "paceline-")), "deep", "tokens.toml");
  const made = paceline("ops", "--file", file, "--scope", "admin");
  assert.equal(made.status, 0, made.stderr);
  const secret = made.stdout.trim();
  assert.match(secret, /^pl_[A-Za-z0-9_-]{43}$/);
  assert.ok(!made.stderr.includes(secret));
  assert.ok(!readFileSync(file, "utf8").includes(secret));
  assert.equal(statSync(file).mode & 0o777, 0o600);

  const more = ["--job", "a", "b", "--rate", "2.5", "--concurrency", "8", "--expires", "30d"];
  assert.equal(paceline("trainer", "--file", file, ...more).status, 0);
  const [ops, trainer] = readTokensFile(file);
  assert.deepEqual([ops?.hash, ops?.scope], [hashToken(secret), "admin"]);
  assert.deepEqual(
    [trainer?.scope, trainer?.jobs, trainer?.rate, trainer?.concurrency],
    ["generate", new Set(["a", "b"]), 2.5, 8],
  );
  assert.ok((trainer?.expiresAt ?? 0) > Date.now() + 29 * 86_400_000);

  assert.equal(paceline("ops", "--file", file).status, 1, "the name is taken");
  assert.equal(readTokensFile(file).length, 2);
});

test("refuses what the server would, before anything is written", () => {
  const file = join(mkdtempSync(join(tmpdir(), "paceline-")), "tokens.toml");
  for (const [args, message] of [
    [["x", "--scope", "root"], /Allowed choices/],
    [["x", "--rate", "many"], /tokens file/],
    [["x", "--rate", "-1"], /tokens\.0\.rate/],
    [["x", "--expires", "soon"], /neither a date/],
    [["a b"], /tokens\.0\.name/],
  ] as const) {
    const command = tokenCommand()
      .exitOverride()
      .configureOutput({ writeErr: () => {} });
    assert.throws(() => command.parse([...args, "--file", file], { from: "user" }), { message });
  }
  assert.equal(existsSync(file), false);
});
