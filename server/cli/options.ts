/** Options that several commands share, and turning the settings table into flags. */
import { type Command, Option } from "commander";
import { flagOf, SETTINGS } from "../config.ts";

export const DEFAULT_SERVER = "http://127.0.0.1:8700";

const CONNECTION: readonly (readonly [flags: string, env: string, what: string])[] = [
  ["--token <token>", "PACELINE_TOKEN", "bearer token; the variable keeps it out of `ps`"],
  ["--ca <pem>", "PACELINE_CA", "CA of the server's certificate"],
  ["--client-cert <pem>", "PACELINE_CLIENT_CERT", "own certificate, where the server asks for one"],
  ["--client-key <pem>", "PACELINE_CLIENT_KEY", "its key"],
];

/** Where the server is and what it is shown, as `createClient` takes them. */
export function addServerOptions(command: Command, server = serverOption()): Command {
  command.addOption(server);
  for (const [flags, env, what] of CONNECTION) command.addOption(new Option(flags, what).env(env));
  return command;
}

function serverOption(): Option {
  return new Option("-s, --server <url>", "the server")
    .env("PACELINE_SERVER")
    .default(DEFAULT_SERVER);
}

/** One flag a setting, with unit, default and environment name in the help. */
export function addSettings(command: Command): Command {
  for (const [key, setting] of Object.entries(SETTINGS)) {
    const { default: fallback, unit, reason } = setting;
    const value = `--${flagOf(key, setting)} <${unit ?? "value"}>`;
    const shown = Array.isArray(fallback) || fallback === "" ? "none" : String(fallback);
    const help = `${reason} (default: ${shown}; PACELINE_${key.toUpperCase()})`;
    if ("repeated" in setting) command.option(value, help, joined);
    else command.option(value, help);
  }
  return command;
}

/** A flag given again and again, as the environment has its values. */
const joined = (value: string, before: string | undefined): string =>
  before === undefined ? value : `${before},${value}`;

/** commander's camelCase back to our keys; only what was given. */
export function givenSettings(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const [key, setting] of Object.entries(SETTINGS)) {
    const flag = flagOf(key, setting);
    const camel = flag.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    if (options[camel] !== undefined) given[key] = options[camel];
  }
  return given;
}
