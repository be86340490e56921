/** `paceline digest`: the content digest of a checkpoint, as a mover of its own weights must claim it. */
import { Command } from "commander";
import { contentDigest } from "../checkpoint/digest.ts";

export function digestCommand(): Command {
  return new Command("digest")
    .description("print the content digest of a safetensors file or a Hugging Face style directory")
    .argument("<path>", "weights")
    .addHelpText("after", "\nExample:\n  paceline digest server/engine/demo-policy/step-2")
    .action(async (path: string) => {
      const { digest } = await contentDigest(path);
      process.stdout.write(`${digest}\n`);
    });
}
