import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
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

test("lists tokens without their hashes, and revokes one by its name alone", () => {
  const file = join(mkdtempSync(join(tmpdir(), "paceline-")), "tokens.toml");
  for (const args of [["ops", "--scope", "admin"], ["a", "--job", "j"], ["b"]]) {
    assert.equal(paceline(...args, "--file", file).status, 0);
  }
  const commented = `# first\n${readFileSync(file, "utf8")}`
    .replace('name = "a"', 'name = "a" # theirs')
    .replace('[[tokens]]\nname = "b"', '# about b\n[[tokens]]\nname = "b"');
  writeFileSync(file, commented);
  const listed = paceline("--list", "--file", file);
  assert.equal(listed.status, 0, listed.stderr);
  assert.deepEqual(
    listed.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
    [
      { name: "ops", scope: "admin" },
      { name: "a", scope: "generate", jobs: ["j"] },
      { name: "b", scope: "generate" },
    ],
  );

  const [ops, , b] = readTokensFile(file);
  assert.equal(paceline("--revoke", "a", "--file", file).status, 0);
  assert.deepEqual(readTokensFile(file), [ops, b]);
  const left = readFileSync(file, "utf8");
  assert.match(left, /^# first\n/);
  assert.match(left, /# about b\n\[\[tokens\]\]\nname = "b"/);
  assert.ok(!left.includes("theirs"));
  assert.equal(statSync(file).mode & 0o777, 0o600);

  assert.equal(paceline("--revoke", "a", "--file", file).status, 1, "it is gone");
});

test("an entry that is written in another way is left to its owner", () => {
  const file = join(mkdtempSync(join(tmpdir(), "paceline-")), "tokens.toml");
  const inline = `tokens = [{ name = "a", hash = "sha256:${"0".repeat(64)}", scopes = ["read"] }]\n`;
  writeFileSync(file, inline, { mode: 0o600 });
  const refused = paceline("--revoke", "a", "--file", file);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /by hand/);
  assert.equal(readFileSync(file, "utf8"), inline);
});

test("refuses what the server would, before anything is written", () => {
  const file = join(mkdtempSync(join(tmpdir(), "paceline-")), "tokens.toml");
  for (const [args, message] of [
    [["x", "--scope", "root"], /Allowed choices/],
    [["x", "--rate", "many"], /tokens file/],
    [["x", "--rate", "-1"], /tokens\.0\.rate/],
    [["x", "--expires", "soon"], /neither a date/],
    [["a b"], /tokens\.0\.name/],
    [[], /give one of/],
    [["x", "--list"], /give one of/],
    [["--list", "--revoke", "x"], /give one of/],
  ] as const) {
    const command = tokenCommand()
      .exitOverride()
      .configureOutput({ writeErr: () => {} });
    assert.throws(() => command.parse([...args, "--file", file], { from: "user" }), { message });
  }
  assert.equal(existsSync(file), false);
});
