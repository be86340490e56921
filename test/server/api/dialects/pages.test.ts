/** `docs/dialects.md` names every route of the vLLM and OpenAI dialects, with its scope and whom it lets in. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type {
  Dialect,
  DialectContext,
  DialectRoute,
} from "../../../../server/api/dialects/dialect.ts";
import { openai } from "../../../../server/api/dialects/openai/dialect.ts";
import { vllm } from "../../../../server/api/dialects/vllm/dialect.ts";
import { liveClock } from "../../../../server/live-clock.ts";

const PAGE = readFileSync(join(import.meta.dirname, "../../../../docs/dialects.md"), "utf8");
const TOUCHES = { job: "its job only", fleet: "as any other", all: "refused" } as const;

const routesOf = ({ routes }: Dialect): readonly DialectRoute[] => {
  const context: Partial<DialectContext> = {
    clock: liveClock,
    policy: () => "default",
    fleet: { listen: () => () => {} } as unknown as DialectContext["fleet"],
    sessions: {} as DialectContext["sessions"],
  };
  return routes(context as DialectContext);
};

const rowOf = ({ method, path, scope, touches }: DialectRoute): string =>
  `${method} ${path} ${scope} ${TOUCHES[touches]}`;

function rowsUnder(heading: string): readonly string[] {
  const section = new RegExp(`## ${heading}\\n(.*?)(?=\\n## |$)`, "s").exec(PAGE)?.[1] ?? "";
  return [...section.matchAll(/^\| `([A-Z]+ [^`]+)` \| (\w+) \| ([\w ]+) \|/gm)].map(
    ([, call, scope, bound]) => `${call} ${scope} ${bound}`,
  );
}

test("each route of OpenAI's dialect has a row", () => {
  assert.deepEqual([...rowsUnder("OpenAI")].sort(), routesOf(openai).map(rowOf).sort());
});

test("each route of vLLM's dialect has a row, there or under OpenAI", () => {
  const rows = [...rowsUnder("vLLM"), ...rowsUnder("OpenAI")];
  assert.deepEqual(rows.sort(), routesOf(vllm).map(rowOf).sort());
});
