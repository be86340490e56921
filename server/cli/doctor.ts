/** `paceline doctor`: what works on this host and at a server, what does not, and what to do. */
import { existsSync } from "node:fs";
import { Command } from "commander";
import { SETTINGS } from "../config.ts";
import { PacelineError } from "../contract/errors.ts";
import { type Client, createClient } from "./client.ts";
import { serverOption } from "./options.ts";

interface Finding {
  what: string;
  ok: boolean;
  detail: string;
  remedy?: string;
}

export function doctorCommand(): Command {
  return new Command("doctor")
    .description("check this host and a server: what works, what does not, what to do")
    .addOption(serverOption())
    .option("--json", "findings as JSON")
    .action(async (options: { server: string; json?: boolean }) => {
      const client = createClient(options.server);
      const findings = [...host(), ...(await server(client))];
      await client.close();
      if (options.json) console.log(JSON.stringify(findings));
      else for (const finding of findings) console.log(line(finding));
      if (findings.some(({ ok }) => !ok)) process.exitCode = 1;
    });
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
  ];
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
        remedy: "start one: npm start",
      },
    ];
  }
  const findings: Finding[] = [{ what: "server", ok: true, detail: client.server }];
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
