// Installs what package-lock.json says, once per change of it. Runs on any Node >= 20, before `npm
// start`, `npm test` and `npm run check`, and needs nothing installed. Several may race: one installs.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const stampFile = `${root}node_modules/.paceline-stamp`;
const lockDir = `${root}.paceline/setup.lock`;
const WAIT_MS = 200;
const GIVE_UP_MS = 10 * 60 * 1000;

// The lockfile, and what `npm ci` holds it against; a script that changes installs nothing anew.
const { dependencies, devDependencies, optionalDependencies, allowScripts } = JSON.parse(
  readFileSync(`${root}package.json`, "utf8"),
);
const wanted = createHash("sha256")
  .update(readFileSync(`${root}package-lock.json`))
  .update(JSON.stringify([dependencies, devDependencies, optionalDependencies, allowScripts]))
  .digest("hex");

const ready = () => existsSync(stampFile) && readFileSync(stampFile, "utf8") === wanted;

if (!ready()) {
  await takeLock();
  try {
    if (!ready()) await install();
  } finally {
    rmSync(lockDir, { recursive: true, force: true });
  }
}

async function takeLock() {
  mkdirSync(`${root}.paceline`, { recursive: true });
  const deadline = Date.now() + GIVE_UP_MS;
  for (;;) {
    try {
      mkdirSync(lockDir);
      writeFileSync(`${lockDir}/pid`, String(process.pid));
      return;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    if (holderIsGone()) rmSync(lockDir, { recursive: true, force: true });
    else if (Date.now() > deadline) fail(`another set-up holds ${lockDir}`, "remove that folder");
    else await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
  }
}

function holderIsGone() {
  if (!existsSync(`${lockDir}/pid`)) return false;
  const pid = Number(readFileSync(`${lockDir}/pid`, "utf8"));
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
}

async function install() {
  const [major] = process.versions.node.split(".").map(Number);
  if (major < 20) fail(`Node ${process.versions.node} is too old`, "install Node 20 or newer");
  process.stderr.write("paceline: installing dependencies (about a minute) ");
  const dots = setInterval(() => process.stderr.write("."), 2000);
  const { NODE_ENV: _, ...env } = process.env;
  const lines = [];
  const child = spawn("npm", ["ci", "--include=dev", "--no-audit", "--no-fund"], {
    cwd: root,
    env,
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text) => lines.push(...text.split("\n").filter(Boolean)));
  }
  const code = await new Promise((resolve) => {
    child.on("error", (error) => {
      lines.push(error.message);
      resolve(1);
    });
    child.on("close", resolve);
  });
  clearInterval(dots);
  process.stderr.write("\n");
  if (code !== 0) {
    fail(
      `npm ci failed:\n  ${lines.slice(-12).join("\n  ")}`,
      "check that the npm registry is reachable, then run it again",
    );
  }
  writeFileSync(stampFile, wanted);
}

function fail(what, remedy) {
  process.stderr.write(`paceline: ${what}\nRemedy: ${remedy}.\n`);
  rmSync(lockDir, { recursive: true, force: true });
  process.exit(1);
}
