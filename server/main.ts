/** Entry of the `paceline` command; `cli/` holds one file a command. */
import { Command } from "commander";
import { digestCommand } from "./cli/digest.ts";
import { doctorCommand } from "./cli/doctor.ts";
import { reportFailure } from "./cli/failure.ts";
import { publishCommand } from "./cli/publish.ts";
import { rolloutCommand } from "./cli/rollout.ts";
import { serveCommand } from "./cli/serve.ts";
import { simulateCommand } from "./cli/simulate.ts";
import { tokenCommand } from "./cli/token.ts";
import { workerCommand } from "./cli/worker.ts";

const program = new Command("paceline")
  .description(
    "RL rollout engine server: token ids in; token ids with aligned logprobs and versions out",
  )
  .version("0.1.0")
  .showHelpAfterError("(add --help for what is allowed)");

for (const command of [
  serveCommand(),
  workerCommand(),
  rolloutCommand(),
  publishCommand(),
  digestCommand(),
  tokenCommand(),
  doctorCommand(),
  simulateCommand(),
]) {
  program.addCommand(command);
}

try {
  await program.parseAsync();
} catch (thrown) {
  reportFailure(thrown);
}
