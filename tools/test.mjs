// `npm test [-- files or globs]`: node's test runner on Node 26, then the ten slowest files and a count.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const given = process.argv.slice(2);
const files = given.length > 0 ? given : ["test/**/*.test.ts"];
const reporter = fileURLToPath(new URL("test-summary.mjs", import.meta.url));
const args = [
  "--test",
  "--test-concurrency=2",
  "--test-timeout=120000",
  "--test-reporter=spec",
  "--test-reporter-destination=stdout",
  `--test-reporter=${reporter}`,
  "--test-reporter-destination=stderr",
  ...files,
];
// Hundreds of processes load the same modules: compiled once, a quarter of what a short file takes is saved.
const env = { NODE_COMPILE_CACHE: `${root}node_modules/.cache/compiled`, ...process.env };
const child = spawn(`${root}node_modules/.bin/node`, args, { cwd: root, stdio: "inherit", env });
child.on("error", (error) => {
  process.stderr.write(`${error.message}\nRemedy: node tools/setup.mjs\n`);
  process.exit(1);
});
child.on("exit", (code) => process.exit(code ?? 1));
