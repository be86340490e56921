/** `paceline token`: mints a bearer token, prints it once and adds its hash to the tokens file. */
import { appendFileSync, existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { Command, Option } from "commander";
import { SCOPES, type TokenScope } from "../api/auth/access.ts";
import {
  formatEntry,
  hashToken,
  mintToken,
  parseTokens,
  readTokensFile,
} from "../api/auth/tokens-file.ts";
import { PacelineError } from "../contract/errors.ts";

interface TokenOptions {
  file: string;
  scope: TokenScope;
  job?: string[];
  rate?: string;
  concurrency?: string;
  expires?: string;
}

export function tokenCommand(): Command {
  return new Command("token")
    .description("mint a bearer token, print it once, and add its hash to the tokens file")
    .argument("<name>", "who will use it; stands in the audit")
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
    .addHelpText(
      "after",
      "\nExamples:\n  paceline token trainer-a --scope generate --job job-a\n  paceline token ops --scope admin --expires 90d\n\n" +
        "To revoke one, delete its entry: a running server reads the file again at once.",
    )
    .action(token);
}

function token(name: string, options: TokenOptions): void {
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
