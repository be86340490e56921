/** `paceline serve`: the server, until SIGTERM or SIGINT. */
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { startServer } from "../assembly/server.ts";
import { resolveConfig } from "../config.ts";
import { CONTROL_FD } from "../fleet/supervisor.ts";
import { createLiveRandom, liveClock } from "../live-clock.ts";
import { createLog, standardError } from "../telemetry/log.ts";
import { addSettings, givenSettings } from "./options.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

/** What the last lines of the log may take; whoever reads them may be gone. */
const LOG_END_MS = 1_000;

export function serveCommand(): Command {
  const command = new Command("serve")
    .description("serve rollouts; by default with two embedded engines and the demo policy")
    .option("-c, --config <file>", "TOML file of settings");
  return addSettings(command).action(serve);
}

async function serve(options: Record<string, unknown>): Promise<void> {
  const file =
    typeof options["config"] === "string"
      ? options["config"]
      : (process.env["PACELINE_CONFIG"] ?? null);
  const config = resolveConfig(givenSettings(options), process.env, file);
  const errors = standardError();
  const log = createLog(config.log_level, errors);
  const stopping = new Promise<NodeJS.Signals>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, resolve);
  });
  const server = await startServer({
    config,
    clock: liveClock,
    random: createLiveRandom(),
    log,
    child: {
      command: process.execPath,
      args: [
        MAIN,
        "worker",
        "--engine",
        "embedded",
        "--model",
        config.model,
        "--kv-tokens",
        String(config.kv_tokens),
        "--max-running",
        String(config.max_running),
        "--stream-interval",
        String(config.stream_interval),
        "--control-fd",
        String(CONTROL_FD),
      ],
      env: process.env,
    },
  });
  // Without anything to read again, closing the terminal ends the server, as it does any other command.
  const reloads = config.tokens_file !== "" || config.tls_cert !== "";
  if (reloads) process.on("SIGHUP", () => server.reload());
  process.stderr.write(`paceline serves at ${server.http} (gRPC on port ${server.grpcPort})\n`);
  for (const { name, job, port, path } of server.dialects) {
    const where = port === null ? `${server.http}${path}` : `port ${port}`;
    process.stderr.write(`  ${name} for job ${job} at ${where}\n`);
  }
  await stopping;
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.once(signal, () => void errors.end(LOG_END_MS).then(() => process.exit(130)));
  await server.stop();
  await errors.end(LOG_END_MS);
  // Whatever is left (a keep-alive timer, a worker thread) must not hold a stopped server back.
  process.exit(0);
}
