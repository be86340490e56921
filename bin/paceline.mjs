#!/usr/bin/env node
// The `paceline` command. Plain JavaScript: it runs on any Node and hands over to Node 26, which runs
// the TypeScript sources as they are.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";

const MAJOR = 26;
// What a rollout leaves behind should die young: with V8's own 16 MiB of nursery twice as much time goes
// into garbage collection. What stays, Results that may be asked for again, makes the heap grow all the time: V8's own
// rule marks all of it after each growth by half, at a tenth of the server's CPU; here it may triple before. Their arrays
// lie beside the heap: by V8's own rule each 64 MiB of them, some 3,000 Results, mark it all once more, however much there is.
const NODE_FLAGS = [
  "--max-semi-space-size=64",
  "--heap-growing-percent=200",
  "--external-memory-accounted-in-global-limit",
  "--external-memory-max-growing-factor=1.5",
];
const main = fileURLToPath(new URL("../server/main.ts", import.meta.url));

if (process.versions.node.startsWith(`${MAJOR}.`)) {
  const flags = [...process.execArgv, ...NODE_FLAGS];
  // Where the platform has no exec (Windows), it runs as it is.
  if (process.platform === "win32") await import(main);
  else
    process.execve(process.execPath, [process.execPath, ...flags, main, ...process.argv.slice(2)]);
} else {
  handOver(runtime());
}

function runtime() {
  const { platform, arch } = process;
  const names = [`node-${platform}-${arch}`, `node-bin-${platform}-${arch}`];
  for (const name of names) {
    const path = fileURLToPath(new URL(`../node_modules/${name}/bin/node`, import.meta.url));
    if (existsSync(path)) return path;
  }
  process.stderr.write(
    `paceline needs Node ${MAJOR}; this is ${process.versions.node} and none is installed beside it.\n` +
      "Remedy: run `npm start` once (it installs one), or use Node 26 yourself.\n",
  );
  process.exit(1);
}

function handOver(node) {
  const child = spawn(node, [...NODE_FLAGS, main, ...process.argv.slice(2)], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
    process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    process.stderr.write(`paceline: ${error.message}\n`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}
