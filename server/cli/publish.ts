/** `paceline publish`: publish a version from a file or directory and watch it commit. */
import { resolve } from "node:path";
import { Command, Option } from "commander";
import { PacelineError } from "../contract/errors.ts";
import { type Client, createClient, type ServerOptions } from "./client.ts";
import { addServerOptions } from "./options.ts";

interface PublishOptions extends ServerOptions {
  policy: string;
  rollback?: string;
  run?: string;
  step?: string;
  runEpoch?: string;
  openRun?: boolean;
  opener?: string;
  mode?: string;
  wave?: string;
  quorum?: string;
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
  const command = new Command("publish")
    .description(
      "publish a version from a safetensors file or a Hugging Face style directory and watch it commit",
    )
    .argument("[path]", "weights; must stay as they are until superseded")
    .option("-p, --policy <id>", "the policy", "default")
    .option("--rollback <version>", "instead of a path: what this older version held, as a new one")
    .option("--run <name>", "label: the training run")
    .option("--step <n>", "label: the trainer's step")
    .option("--open-run", "open --run first: fences whoever published before")
    .option("--opener <id>", "who opens it: the same name from another opener is a new run")
    .option("--run-epoch <n>", "of the run, where its name alone does not tell")
    .addOption(
      new Option("--mode <mode>", "when it is committed; default: as the policy says").choices([
        "all",
        "rolling",
        "quorum",
        "latest_wins",
      ]),
    )
    .option(
      "--wave <n>",
      "rolling: workers out of service at once (default: what can be spared, an eighth to half)",
    )
    .option("--quorum <n>", "quorum: workers that must have staged")
    .addOption(
      new Option(
        "--on-update <how>",
        "what running rollouts do that say nothing themselves",
      ).choices(["keep", "reprefill", "finish"]),
    )
    .option("--timeout-ms <ms>", "give up and abort if not committed by then")
    .addHelpText(
      "after",
      `
Examples:
  paceline publish server/engine/demo-policy/step-2 --run demo --step 2 --open-run
  paceline publish DIR --mode rolling --wave 2
  paceline publish --rollback 1`,
    )
    .action(publish);
  return addServerOptions(command);
}

async function publish(path: string | undefined, options: PublishOptions): Promise<void> {
  if ((path === undefined) === (options.rollback === undefined)) {
    throw new PacelineError("invalid_argument", "give either a path or --rollback VERSION");
  }
  const client = createClient(options);
  try {
    const policy = `/v1/policies/${encodeURIComponent(options.policy)}`;
    const base = `${policy}/versions`;
    const epoch = options.openRun ? await openRun(client, policy, options) : options.runEpoch;
    const asked = {
      ...(options.step === undefined
        ? {}
        : { label: { run: options.run ?? "cli", step: Number(options.step) } }),
      ...(epoch === undefined ? {} : { run_epoch: Number(epoch) }),
      ...(options.onUpdate === undefined ? {} : { on_update: options.onUpdate }),
      commit: commitOf(options),
    };
    const opened =
      path === undefined
        ? await client.json<Progress>("POST", `${base}/${options.rollback}/rollback`, asked)
        : await client.json<Progress>("POST", base, { source: { path: resolve(path) }, ...asked });
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

const commitOf = ({ mode, wave, quorum, timeoutMs }: PublishOptions) => ({
  ...(mode === undefined ? {} : { mode }),
  ...(wave === undefined ? {} : { wave: Number(wave) }),
  ...(quorum === undefined ? {} : { quorum: Number(quorum) }),
  ...(timeoutMs === undefined ? {} : { timeout_ms: Number(timeoutMs) }),
});

/** Answers its epoch, which the publication gives. */
async function openRun(
  client: Client,
  policy: string,
  { run, opener }: PublishOptions,
): Promise<number> {
  if (run === undefined) {
    throw new PacelineError("invalid_argument", "--open-run needs --run NAME");
  }
  const opened = await client.json<{ epoch: number }>("POST", `${policy}/runs`, {
    run,
    ...(opener === undefined ? {} : { opener }),
  });
  process.stderr.write(`run ${run}, epoch ${opened.epoch}\n`);
  return opened.epoch;
}
