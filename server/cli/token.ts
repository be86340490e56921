/** `paceline token`: mints a bearer token, prints it once and adds its hash to the tokens file; lists and revokes. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { Command, Option } from "commander";
import { SCOPES, type TokenScope } from "../api/auth/access.ts";
import {
  formatEntry,
  hashToken,
  mintToken,
  parseTokens,
  readTokensFile,
  type TokenEntry,
  withoutEntry,
} from "../api/auth/tokens-file.ts";
import { PacelineError } from "../contract/errors.ts";

interface TokenOptions {
  file: string;
  scope: TokenScope;
  job?: string[];
  rate?: string;
  concurrency?: string;
  expires?: string;
  list?: boolean;
  revoke?: string;
}

export function tokenCommand(): Command {
  return new Command("token")
    .description("mint a bearer token, print it once, and add its hash to the tokens file")
    .argument("[name]", "who will use it; stands in the audit")
    .addOption(
      new Option("-f, --file <file>", "the tokens file; made if there is none")
        .env("PACELINE_TOKENS_FILE")
        .default(".paceline/tokens.toml"),
    )
    .addOption(
      new Option("--scope <scope>", "each holds those before it")
        .choices([...SCOPES])
        .default("generate"),
    )
    .option("--job <job...>", "bind it to these jobs")
    .option("--rate <calls/s>", "calls a second at most")
    .option("--concurrency <calls>", "calls open at once at most")
    .option(
      "--expires <when>",
      "a date with its zone (2027-01-31T00:00:00Z), or days from now (30d)",
    )
    .option("--list", "show the file's tokens, a line of JSON each, instead")
    .option("--revoke <name>", "take that token out of the file, instead")
    .addHelpText(
      "after",
      "\nExamples:\n  paceline token trainer-a --scope generate --job job-a\n  paceline token ops --scope admin --expires 90d\n\n" +
        "A running server reads the file again within a second: a revoked token makes no new call then.",
    )
    .action(token);
}

function token(name: string | undefined, options: TokenOptions): void {
  const { file, list, revoke: revoked } = options;
  const asked = [name !== undefined, list === true, revoked !== undefined];
  if (asked.filter(Boolean).length !== 1) {
    throw new PacelineError("invalid_argument", "give one of: a NAME, --list, --revoke NAME");
  }
  if (name !== undefined) mint(name, options);
  else if (revoked !== undefined) revoke(revoked, file);
  else for (const entry of readTokensFile(file)) console.log(described(entry));
}

/** Without the hash: nobody needs it to tell tokens apart. */
function described({ name, scope, jobs, rate, concurrency, expiresAt }: TokenEntry): string {
  return JSON.stringify({
    name,
    scope,
    ...(jobs === null ? {} : { jobs: [...jobs] }),
    ...(rate === null ? {} : { rate }),
    ...(concurrency === null ? {} : { concurrency }),
    ...(expiresAt === null
      ? {}
      : { expires: new Date(expiresAt).toISOString(), expired: expiresAt <= Date.now() }),
  });
}

/** The file is replaced as a whole: a server that reads it meanwhile sees the old or the new one. */
function revoke(name: string, file: string): void {
  readTokensFile(file);
  const left = withoutEntry(readFileSync(file, "utf8"), name, file);
  const next = `${file}.${process.pid}`;
  writeFileSync(next, left, { mode: statSync(file).mode & 0o777, flag: "wx" });
  renameSync(next, file);
  process.stderr.write(`revoked ${name} in ${file}\n`);
}

function mint(name: string, options: TokenOptions): void {
  const { file, scope, job, rate, concurrency, expires } = options;
  const secret = mintToken();
  const entry = formatEntry({
    name,
    hash: hashToken(secret),
    scope,
    jobs: job === undefined ? null : new Set(job),
    rate: rate === undefined ? null : Number(rate),
    concurrency: concurrency === undefined ? null : Number(concurrency),
    expiresAt: expires === undefined ? null : expiryOf(expires),
  });
  // Checked as the server will check it, before it stands in the file.
  parseTokens(entry, file);
  if (existsSync(file) && readTokensFile(file).some((known) => known.name === name)) {
    throw new PacelineError("conflict", `${file} has a token of the name ${name} already`);
  }
  mkdirSync(dirname(file), { recursive: true });
  appendFileSync(file, existsSync(file) ? `\n${entry}` : entry, { mode: 0o600 });
  process.stderr.write(`added ${name} (${scope}) to ${file}; the token is not shown again:\n`);
  console.log(secret);
}

function expiryOf(text: string): number {
  const days = /^(\d{1,5})d$/.exec(text)?.[1];
  const when = days === undefined ? Date.parse(text) : Date.now() + Number(days) * 86_400_000;
  if (Number.isNaN(when)) {
    throw new PacelineError("invalid_argument", `--expires ${text}: neither a date nor 30d`);
  }
  return when;
}
