/** `paceline publish`: publish a version from a file or directory and watch it commit. */
import { resolve } from "node:path";
import { Command, Option } from "commander";
import { PacelineError } from "../contract/errors.ts";
import { createClient } from "./client.ts";
import { serverOption } from "./options.ts";

interface PublishOptions {
  server: string;
  policy: string;
  run?: string;
  step?: string;
  onUpdate?: string;
  timeoutMs?: string;
}

interface Progress {
  version: number;
  state: string;
  digest: string;
  workers: { worker: string; phase: string; reason: string | null; pause_ms: number | null }[];
}

export function publishCommand(): Command {
  return new Command("publish")
    .description(
      "publish a version from a safetensors file or a Hugging Face style directory and watch it commit",
    )
    .argument("<path>", "weights; must stay as they are until superseded")
    .addOption(serverOption())
    .option("-p, --policy <id>", "the policy", "default")
    .option("--run <name>", "label: the training run")
    .option("--step <n>", "label: the trainer's step")
    .addOption(
      new Option(
        "--on-update <how>",
        "what running rollouts do that say nothing themselves",
      ).choices(["keep", "reprefill", "finish"]),
    )
    .option("--timeout-ms <ms>", "give up and abort if not committed by then")
    .addHelpText(
      "after",
      "\nExample:\n  paceline publish server/engine/demo-policy/step-2 --run demo --step 2",
    )
    .action(publish);
}

async function publish(path: string, options: PublishOptions): Promise<void> {
  const client = createClient(options.server);
  try {
    const base = `/v1/policies/${encodeURIComponent(options.policy)}/versions`;
    const opened = await client.json<Progress>("POST", base, {
      source: { path: resolve(path) },
      ...(options.step === undefined
        ? {}
        : { label: { run: options.run ?? "cli", step: Number(options.step) } }),
      ...(options.onUpdate === undefined ? {} : { on_update: options.onUpdate }),
      commit: {
        mode: "all",
        ...(options.timeoutMs === undefined ? {} : { timeout_ms: Number(options.timeoutMs) }),
      },
    });
    process.stderr.write(
      `version ${opened.version} of ${options.policy}, digest ${opened.digest.slice(0, 12)}…\n`,
    );
    let last: Progress = opened;
    for await (const { data } of client.events("GET", `${base}/${opened.version}`)) {
      last = data as Progress;
      const workers = last.workers.map(({ worker, phase }) => `${worker} ${phase}`).join(", ");
      process.stderr.write(`${last.state}${workers === "" ? "" : `: ${workers}`}\n`);
    }
    if (last.state === "aborted") {
      const why =
        last.workers.find(({ reason }) => reason !== null)?.reason ?? "see the server's log";
      throw new PacelineError(
        "commit_aborted",
        `version ${last.version} was not committed: ${why}`,
      );
    }
    console.log(
      JSON.stringify({
        policy: options.policy,
        version: last.version,
        state: last.state,
        workers: last.workers,
      }),
    );
  } finally {
    await client.close();
  }
}
