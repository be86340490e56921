/** Bad input to each target in turn, longer than CI's slice. `--help` */
import { parseArgs } from "node:util";
import { CAMPAIGNS } from "./campaigns.ts";

const HELP = `npm run fuzz -- [options]: bad input to each target in turn

--target NAME    one alone: ${Object.keys(CAMPAIGNS).join(", ")}
--count 20000    inputs for each
--seed S         default: a fresh one, which is printed
--path P         of a failure, as it was printed: that input alone
--help`;

const { values } = parseArgs({
  options: {
    target: { type: "string" },
    count: { type: "string", default: "20000" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
    path: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const { target, path } = values;
const chosen = Object.entries(CAMPAIGNS).filter(
  ([name]) => target === undefined || name === target,
);
if (chosen.length === 0) {
  console.error(`no target ${target}; there are ${Object.keys(CAMPAIGNS).join(", ")}`);
  process.exit(2);
}
const plan = {
  seed: Number(values.seed),
  count: Number(values.count),
  ...(path === undefined ? {} : { path }),
};
console.log(`seed ${plan.seed}`);
let total = 0;
for (const [name, run] of chosen) {
  const started = performance.now();
  const { inputs, batches, heapGrowth } = await run(plan).catch((error: Error) => {
    console.error(error.message);
    process.exit(1);
  });
  total += inputs;
  const seconds = ((performance.now() - started) / 1_000).toFixed(1);
  const grown = (heapGrowth / 2 ** 20).toFixed(1);
  console.log(
    `${name}: ${inputs} inputs, ${batches} batches, ${seconds} s, heap ${grown} MiB more`,
  );
}
console.log(`${total} inputs, no property broken`);
