/**
 * The tokens file: TOML, one `[[tokens]]` a token, with the SHA-256 of the token and never the token.
 * A plain hash is enough because tokens are 256 random bits that we mint ourselves: there is no list of
 * likely ones to try, so neither salt nor a slow hash would add anything, and each call hashes one.
 */
import { hash, randomBytes } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { parse as parseToml, TomlDate } from "smol-toml";
import { z } from "zod";
import { PacelineError } from "../../contract/errors.ts";
import { LIMITS } from "../../limits.ts";
import { SCOPES, type TokenScope } from "./access.ts";
import type { QuotaLimits } from "./quota.ts";

export interface TokenEntry extends QuotaLimits {
  readonly name: string;
  /** SHA-256 of the token, 64 hexadecimal digits. */
  readonly hash: string;
  readonly scope: TokenScope;
  /** Null: bound to no job. */
  readonly jobs: ReadonlySet<string> | null;
  /** Wall time from which it counts as unknown, ms; null: never. */
  readonly expiresAt: number | null;
}

const ID = z
  .string()
  .regex(/^[A-Za-z0-9._:-]+$/)
  .max(LIMITS.idChars);
const HASH_PREFIX = "sha256:";

const ENTRY = z.strictObject({
  name: ID,
  hash: z.string().regex(/^sha256:[0-9a-f]{64}$/, "must be sha256: and 64 hexadecimal digits"),
  scopes: z.array(z.enum(SCOPES)).min(1),
  jobs: z.array(ID).min(1).max(LIMITS.tokenJobs).optional(),
  rate: z.number().positive().optional(),
  concurrency: z.int().positive().optional(),
  expires: z
    .union([z.instanceof(TomlDate), z.iso.datetime({ offset: true })])
    .transform((when) => new Date(when).getTime())
    .optional(),
});
const FILE = z.strictObject({ tokens: z.array(ENTRY).max(LIMITS.tokens).default([]) });

/** Throws `invalid_argument` that names the file and the field, `details.path`. */
export function readTokensFile(path: string): readonly TokenEntry[] {
  let text: string;
  try {
    // Windows has no such bits.
    if (process.platform !== "win32" && (statSync(path).mode & 0o002) !== 0) {
      throw unusable(path, "anybody on this host may write it. Remedy: chmod o-w");
    }
    text = readFileSync(path, "utf8");
  } catch (thrown) {
    if (thrown instanceof PacelineError) throw thrown;
    const { message } = PacelineError.from(thrown);
    throw unusable(path, `${message}. Make a first token with: paceline token --file ${path} NAME`);
  }
  return parseTokens(text, path);
}

export function parseTokens(text: string, path: string): readonly TokenEntry[] {
  let parsed: unknown;
  try {
    parsed = parseToml(text);
  } catch (thrown) {
    throw unusable(path, PacelineError.from(thrown).message);
  }
  const checked = FILE.safeParse(parsed);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    const field = issue?.path.join(".") ?? "";
    throw unusable(path, `${field}: ${issue?.message}`, field);
  }
  const entries = checked.data.tokens.map(entryOf);
  for (const field of ["name", "hash"] as const) {
    const seen = new Set<string>();
    for (const [index, entry] of entries.entries()) {
      const at = `tokens.${index}.${field}`;
      if (seen.has(entry[field])) throw unusable(path, `${at}: an entry before has it too`, at);
      seen.add(entry[field]);
    }
  }
  return entries;
}

function entryOf(entry: z.infer<typeof ENTRY>): TokenEntry {
  const { name, scopes, jobs, rate, concurrency, expires } = entry;
  return {
    name,
    hash: entry.hash.slice(HASH_PREFIX.length),
    scope: SCOPES.findLast((scope) => scopes.includes(scope)) ?? "read",
    jobs: jobs === undefined ? null : new Set(jobs),
    rate: rate ?? null,
    concurrency: concurrency ?? null,
    expiresAt: expires ?? null,
  };
}

const unusable = (file: string, why: string, path = "tokens_file"): PacelineError =>
  new PacelineError("invalid_argument", `tokens file ${file}: ${why}`, { details: { path } });

const ENTRY_HEAD = /^[ \t]*\[\[\s*tokens\s*\]\]/m;
const BLANK_OR_COMMENT = /^\s*(#.*)?$/;

/**
 * The text without the entry of that name; what stands before the next entry stays, since it is about that
 * one. Throws `not_found`, and `unsupported` where entries are not written as `[[tokens]]`.
 */
export function withoutEntry(text: string, name: string, path: string): string {
  const before = parseTokens(text, path).map((entry) => entry.name);
  if (!before.includes(name)) throw new PacelineError("not_found", `${path} has no token ${name}`);
  const blocks = text.split(new RegExp(`(?=${ENTRY_HEAD.source})`, "m"));
  const kept = blocks.flatMap((block) => {
    if (!ENTRY_HEAD.test(block) || parseTokens(block, path)[0]?.name !== name) return [block];
    const lines = block.split("\n");
    return [
      lines.slice(lines.findLastIndex((line) => !BLANK_OR_COMMENT.test(line)) + 1).join("\n"),
    ];
  });
  const after = kept.join("");
  const left = parseTokens(after, path).map((entry) => entry.name);
  if (left.join() === before.filter((other) => other !== name).join()) return after;
  throw new PacelineError(
    "unsupported",
    `${path}: not written as [[tokens]]; take ${name} out by hand`,
  );
}

/** Known to the log, which blots it out, and to secret scanners. */
const TOKEN_PREFIX = "pl_";

/** A fresh token: `pl_` and 256 random bits in base64url. */
export const mintToken = (): string => TOKEN_PREFIX + randomBytes(32).toString("base64url");

export const hashToken = (token: string): string => hash("sha256", token, "hex");

/** The entry as it stands in the file. */
export function formatEntry(entry: TokenEntry): string {
  const words = (values: Iterable<string>): string => JSON.stringify([...values]);
  const lines = [
    "[[tokens]]",
    `name = ${JSON.stringify(entry.name)}`,
    `hash = "${HASH_PREFIX}${entry.hash}"`,
    `scopes = ${words([entry.scope])}`,
    ...(entry.jobs === null ? [] : [`jobs = ${words(entry.jobs)}`]),
    ...(entry.rate === null ? [] : [`rate = ${entry.rate}`]),
    ...(entry.concurrency === null ? [] : [`concurrency = ${entry.concurrency}`]),
    ...(entry.expiresAt === null ? [] : [`expires = ${new Date(entry.expiresAt).toISOString()}`]),
  ];
  return `${lines.join("\n")}\n`;
}
