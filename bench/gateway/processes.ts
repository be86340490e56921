/** The processes under test: started, measured from /proc, and killed when the bench ends. */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

export interface Measured {
  readonly pid: number;
  /** What the first group of `ready` matched. */
  readonly match: string;
  /** Web socket of its inspector, if it was started with `--inspect`. */
  readonly inspector: string | null;
}

const children: ChildProcess[] = [];
const READY_MS = 30_000;

/** Resolves when the process has said `ready` on standard error. `profile`: a folder for a CPU profile. */
export async function start(
  command: string,
  args: readonly string[],
  ready: RegExp,
): Promise<Measured> {
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"] });
  children.push(child);
  const { stderr } = child;
  if (stderr === null) throw new Error("no standard error");
  return new Promise((resolve, reject) => {
    let seen = "";
    const late = setTimeout(() => reject(new Error(`${args[1]} is not ready:\n${seen}`)), READY_MS);
    stderr.setEncoding("utf8").on("data", (text: string) => {
      seen = (seen + text).slice(-20_000);
      const match = ready.exec(seen);
      if (match === null || child.pid === undefined) return;
      clearTimeout(late);
      resolve({ pid: child.pid, match: match[1] ?? "", inspector: inspectorOf(seen) });
    });
    child.once("error", reject);
    child.once("exit", () =>
      reject(new Error(`${command} ${args[1]} ended before it was ready:\n${seen}`)),
    );
  });
}

/** Resolves when `answers` does with true. Throws with what the process said if it ends before, or within a minute does not. */
export async function startWhen(
  [command = "", ...args]: readonly string[],
  answers: () => Promise<boolean>,
  env: Readonly<Record<string, string>> = {},
): Promise<Measured> {
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  children.push(child);
  let said = "";
  let failed: string | null = null;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-2_000);
    });
  }
  child.once("error", (error) => {
    failed = error.message;
  });
  child.once("exit", (code) => {
    failed = `it ended with ${code}: ${said}`;
  });
  const since = performance.now();
  while (failed === null && !(await answers())) {
    if (performance.now() - since > 2 * READY_MS) failed = `no answer in a minute: ${said}`;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  if (failed !== null || child.pid === undefined) throw new Error(failed ?? "no process");
  return { pid: child.pid, match: "", inspector: null };
}

/** The last one said: what runs before it execs itself anew opens one, too. */
const inspectorOf = (said: string): string | null =>
  [...said.matchAll(/Debugger listening on (ws:\S+)/g)].at(-1)?.[1] ?? null;

/** Waits for those that were told to end by SIGTERM, so that profiles get written. */
export async function stopAll(signal: "SIGTERM" | "SIGKILL" = "SIGKILL"): Promise<void> {
  await Promise.all(
    children.map((child) => {
      if (child.exitCode !== null || child.signalCode !== null) return undefined;
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill(signal);
      return gone;
    }),
  );
}

/** User and system time of all threads so far, ms; of a child that forked, its own children's too. */
export function cpuMs({ pid }: Measured): number {
  let nanos = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    nanos += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
  }
  return nanos / 1e6;
}
