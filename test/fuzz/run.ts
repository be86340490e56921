/** `npm run fuzz -- [--target NAME] [--count N] [--seed S] [--path P]`: targets in turn, N inputs each. */
import { parseArgs } from "node:util";
import { CAMPAIGNS } from "./campaigns.ts";

const { values } = parseArgs({
  options: {
    target: { type: "string" },
    count: { type: "string", default: "20000" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
    path: { type: "string" },
  },
});
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
