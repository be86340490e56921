// `npm run test:interop [-- files]`: tests against other people's software, one file after the other. Engines are
// installed into `.engines` of the checkout, or into PACELINE_ENGINES, by the tests that need them (minutes, gigabytes).
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const given = process.argv.slice(2);
const args = [
  "--test",
  "--test-concurrency=1",
  "--test-timeout=1800000",
  "--test-reporter=spec",
  ...(given.length > 0 ? given : ["test/interop/**/*.interop.ts"]),
];
const child = spawn(`${root}node_modules/.bin/node`, args, { cwd: root, stdio: "inherit" });
child.on("error", (error) => {
  process.stderr.write(`${error.message}\nRemedy: node tools/setup.mjs\n`);
  process.exit(1);
});
child.on("exit", (code) => process.exit(code ?? 1));
