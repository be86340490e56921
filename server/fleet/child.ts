/**
 * One worker process. It tells where it serves with one JSON line on its control pipe, and ends when that
 * pipe closes, so that it outlives nobody, however we end.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { Duplex } from "node:stream";
import { LIMITS } from "../limits.ts";
import { onLines } from "./lines.ts";

export interface ChildCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Which descriptor of the child is the control pipe. */
export const CONTROL_FD = 3;

export interface ChildHooks {
  /** A line of its standard error. */
  said(line: string): void;
  ready(url: string): void;
  /** Once, also if it could not be started. */
  ended(reason: string): void;
}

export interface Child {
  readonly pid: number | null;
  kill(signal: "SIGTERM" | "SIGKILL"): void;
  /** Resolves when it has ended. */
  readonly over: Promise<void>;
}

export function launchChild({ command, args, env }: ChildCommand, hooks: ChildHooks): Child {
  const child = spawn(command, args, {
    env: { ...env },
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  if (child.stderr) onLines(child.stderr, LIMITS.workerLineChars, hooks.said);
  listenControl(child, hooks);
  const over = new Promise<void>((resolve) => {
    const end = (reason: string): void => {
      hooks.ended(reason);
      resolve();
    };
    // Of a process that never started only `error` tells; of one that did, `exit` always does.
    child.once("error", (error) => {
      if (child.pid === undefined) end(error.message);
    });
    child.once("exit", (code, signal) =>
      end(signal === null ? `exit code ${code}` : `signal ${signal}`),
    );
  });
  return { pid: child.pid ?? null, kill: (signal) => void child.kill(signal), over };
}

function listenControl(child: ChildProcess, hooks: ChildHooks): void {
  const control = child.stdio[CONTROL_FD];
  if (!(control instanceof Duplex)) return;
  control.on("error", (error) => hooks.said(`control pipe: ${error.message}`));
  onLines(control, LIMITS.workerLineChars, (line) => {
    const url = addressIn(line);
    if (url === null) hooks.said(`control pipe: not an address: ${line}`);
    else hooks.ready(url);
  });
}

function addressIn(line: string): string | null {
  let told: unknown;
  try {
    told = JSON.parse(line);
  } catch {
    // The caller says what came instead.
    return null;
  }
  if (typeof told !== "object" || told === null || !("url" in told)) return null;
  return typeof told.url === "string" ? told.url : null;
}
