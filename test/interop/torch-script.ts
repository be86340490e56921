/** Runs a script with torch in it: one JSON value in, one out. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { json } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

/** `python`: one that has torch and transformers. */
export async function askTorch(python: string, script: URL, asked: unknown): Promise<unknown> {
  const path = fileURLToPath(script);
  const child = spawn(python, [path], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, HF_HUB_OFFLINE: "1", OMP_NUM_THREADS: "1" },
  });
  child.stdin.end(JSON.stringify(asked));
  const [answer, [code]] = await Promise.all([
    json(child.stdout).catch(() => null),
    once(child, "exit"),
  ]);
  if (code !== 0) throw new Error(`${path} ended with ${code}`);
  return answer;
}
