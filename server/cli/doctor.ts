/** `paceline doctor`: what works on this host and at a server, what does not, and what to do. */
import { existsSync, readFileSync } from "node:fs";
import { Command } from "commander";
import { readCertificates } from "../api/auth/certificates.ts";
import { readTokensFile } from "../api/auth/tokens-file.ts";
import { certificateFiles } from "../assembly/entrance.ts";
import { type Config, resolveConfig, SETTINGS } from "../config.ts";
import { PacelineError } from "../contract/errors.ts";
import { type Client, createClient, type ServerOptions } from "./client.ts";
import { addServerOptions } from "./options.ts";

/** Of many systems the default, 1,024, is 500 rollouts at once. */
const ENOUGH_DESCRIPTORS = 4_096;

interface Finding {
  what: string;
  ok: boolean;
  detail: string;
  remedy?: string;
}

export function doctorCommand(): Command {
  const command = new Command("doctor")
    .description("check this host and a server: what works, what does not, what to do")
    .option("--json", "findings as JSON")
    .option("-c, --config <file>", "settings of `serve` to check, with those in the environment")
    .action(async (options: ServerOptions & { json?: boolean; config?: string }) => {
      const client = createClient(options);
      const { config, findings: said } = settings(options.config);
      const findings = [...host(), ...said, ...(await server(client))];
      if (config !== null) findings.push(...(await mounts(config, options)));
      await client.close();
      if (options.json) console.log(JSON.stringify(findings));
      else for (const finding of findings) console.log(line(finding));
      if (findings.some(({ ok }) => !ok)) process.exitCode = 1;
    });
  return addServerOptions(command);
}

function line({ what, ok, detail, remedy }: Finding): string {
  return `${ok ? "ok  " : "FAIL"} ${what}: ${detail}${ok || remedy === undefined ? "" : `\n     → ${remedy}`}`;
}

function host(): Finding[] {
  const model = SETTINGS.model.default;
  return [
    {
      what: "Node",
      ok: process.versions.node.startsWith("26."),
      detail: process.versions.node,
      remedy: "run through bin/paceline.mjs, which picks Node 26",
    },
    {
      what: "demo policy",
      ok: existsSync(`${model}/model.safetensors`),
      detail: model,
      remedy: "restore it from the repository",
    },
    ...descriptors(),
  ];
}

/** A rollout at once holds its caller's socket and the engine's. Linux only. */
function descriptors(): Finding[] {
  if (!existsSync("/proc/self/limits")) return [];
  const limits = readFileSync("/proc/self/limits", "utf8");
  const soft = /Max open files\s+(\d+)/.exec(limits)?.[1];
  if (soft === undefined) return [];
  return [
    {
      what: "file descriptors",
      ok: Number(soft) >= ENOUGH_DESCRIPTORS,
      detail: `${soft}: about ${Math.floor(Number(soft) / 2)} rollouts at once`,
      remedy: "ulimit -n 65536 before the server starts",
    },
  ];
}

/** A certificate that ends within so many days is worth a word. */
const ENDS_SOON_MS = 14 * 86_400_000;

/** What `serve` would say of its settings, and of the files that they name. */
function settings(file: string | undefined): { config: Config | null; findings: Finding[] } {
  const attempt = (what: string, look: () => string): Finding => {
    try {
      return { what, ok: true, detail: look() };
    } catch (thrown) {
      return { what, ok: false, detail: PacelineError.from(thrown).message };
    }
  };
  let config: Config;
  try {
    config = resolveConfig({}, process.env, file ?? null);
  } catch (thrown) {
    const detail = PacelineError.from(thrown).message;
    return { config: null, findings: [{ what: "settings", ok: false, detail }] };
  }
  const findings: Finding[] = [];
  const { tokens_file } = config;
  if (tokens_file !== "") {
    findings.push(
      attempt("tokens", () => `${readTokensFile(tokens_file).length} in ${tokens_file}`),
    );
  }
  const files = certificateFiles(config);
  if (files !== null) {
    findings.push(
      attempt("certificate", () => {
        const { subject, expiresAt } = readCertificates(files, Date.now());
        const end = `until ${new Date(expiresAt).toISOString()}`;
        return `${subject}, ${end}${expiresAt - Date.now() < ENDS_SOON_MS ? ": soon" : ""}`;
      }),
    );
  }
  return { config, findings };
}

/** Whether each dialect of the settings answers for its job; one on any free port cannot be found. */
async function mounts({ dialects, job }: Config, options: ServerOptions): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { name, port, job: own } of dialects) {
    if (port === 0) continue;
    const what = `${name} for job ${own ?? job}`;
    const url = new URL(options.server);
    if (port !== null) url.port = String(port);
    const path = port === null ? `/jobs/${own ?? job}` : "";
    const client = createClient({ ...options, server: url.origin });
    try {
      await client.json("GET", `${path}/health`);
      findings.push({ what, ok: true, detail: url.origin + path });
    } catch (thrown) {
      const detail = `${url.origin}${path}: ${PacelineError.from(thrown).message}`;
      const remedy = "start `paceline serve` with these settings, and see that workers are ready";
      findings.push({ what, ok: false, detail, remedy });
    } finally {
      await client.close();
    }
  }
  return findings;
}

async function server(client: Client): Promise<Finding[]> {
  try {
    await client.json("GET", "/healthz");
  } catch (thrown) {
    return [
      {
        what: "server",
        ok: false,
        detail: PacelineError.from(thrown).message,
      },
    ];
  }
  const findings: Finding[] = [{ what: "server", ok: true, detail: client.server }];
  try {
    return [...findings, ...(await fleet(client))];
  } catch (thrown) {
    const { code, message } = PacelineError.from(thrown);
    const remedy = "give a token of scope read or wider: --token, or PACELINE_TOKEN";
    return [...findings, { what: "token", ok: false, detail: `${code}: ${message}`, remedy }];
  }
}

async function fleet(client: Client): Promise<Finding[]> {
  const findings: Finding[] = [];
  const { workers } = await client.json<{
    workers: { id: string; state: string; reason?: string | null }[];
  }>("GET", "/v1/workers");
  if (workers.length === 0) {
    findings.push({
      what: "workers",
      ok: false,
      detail: "none",
      remedy: "register one: paceline worker --engine embedded --server …",
    });
  }
  for (const { id, state, reason } of workers) {
    findings.push({
      what: `worker ${id}`,
      ok: state === "ready",
      detail: reason ? `${state}: ${reason}` : state,
      remedy: "see the server's log and GET /v1/workers",
    });
  }
  const { policies } = await client.json<{
    policies: { policy: string; committed_version: number | null }[];
  }>("GET", "/v1/policies");
  for (const { policy, committed_version } of policies) {
    findings.push({
      what: `policy ${policy}`,
      ok: committed_version !== null,
      detail: committed_version === null ? "no version committed" : `version ${committed_version}`,
      remedy: "paceline publish DIR",
    });
  }
  return findings;
}
