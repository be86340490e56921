/**
 * Makes `docs/errors.md` from the table of errors, `docs/capabilities.md` from what the engines' suites have seen, and the
 * tables in `docs/security.md` from those of routes and methods. With `--check`, compares instead and fails when one is stale.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { status } from "@grpc/grpc-js";
import { type Boundary, ERRORS, type ErrorKind } from "../server/contract/errors.ts";
import { capabilitiesPage } from "./capabilities-page.ts";
import { securityTables } from "./security-table.ts";

const ROOT = resolve(import.meta.dirname, "..");
const DOCS = join(ROOT, "docs");

/** Where something went wrong, in the order of a rollout's way through the server. */
const BOUNDARIES: Readonly<Record<Boundary, string>> = {
  client: "What the caller sent, or that it left.",
  admission: "The server takes no more just now. Nothing was done.",
  routing: "No worker can take it now.",
  engine: "An engine failed, or broke the contract.",
  weights: "Versions: publishing, committing, and who may.",
  feed: "Leases of hand-outs and of workers.",
  store: "State that must survive.",
  internal: "Ours. Please report it, with the log's entry.",
};

const INTRODUCTION = `# Errors

Made by \`node tools/generate-docs.ts\` from \`server/contract/errors.ts\`; not edited.

Every error of every call is one of these. Over HTTP the body is

\`\`\`json
{"error": {"code": "no_eligible_worker", "boundary": "routing", "message": "…", "retryable": true,
           "retry_after_ms": 500, "details": {}, "kept": {"output_tokens": 812}}}
\`\`\`

Over gRPC it is the status below, and the same content as an \`Error\` message (\`proto/paceline/v1/error.proto\`) in
the trailer \`paceline-error-bin\`. Decide by \`code\`: several codes share a status.

- \`retryable\`: the same request may succeed later, unchanged. With an id of your own, a retry joins what still runs.
- \`retry_after_ms\`: when, where the server knows.
- \`details.path\`: the field that is wrong (\`sampling.top_p\`, \`prompt_token_ids[3]\`; empty: the body as a whole).
- \`kept.output_tokens\`: how many tokens exist that a retry can go on from.

Before the first byte of a reply an error is never a 200. After it, in a stream, exactly one terminal \`error\` record
(HTTP) or the call's status (gRPC) ends the rollout.
`;

function errorsPage(): string {
  const kinds: [string, ErrorKind][] = Object.entries(ERRORS);
  const sections = Object.entries(BOUNDARIES).map(([boundary, about]) => {
    const rows = kinds.filter(([, kind]) => kind.boundary === boundary).map(row);
    const head = "| code | HTTP | gRPC | retryable | meaning |\n|---|---|---|---|---|";
    return `## ${boundary}\n\n${about}\n\n${[head, ...rows].join("\n")}\n`;
  });
  return [INTRODUCTION, ...sections].join("\n");
}

function row([code, { http, grpc, retryable, meaning }]: [string, ErrorKind]): string {
  if (!(grpc in status)) throw new Error(`${code}: gRPC has no status ${grpc}`);
  return `| \`${code}\` | ${http} | ${grpc} | ${retryable ? "yes" : "no"} | ${meaning} |`;
}

/** The page as it is, with what stands between the marks made anew. */
function securityPage(): string {
  const page = readFileSync(join(DOCS, "security.md"), "utf8");
  const between = /(<!-- generated: [^\n]* -->\n).*(\n<!-- \/generated -->)/s;
  if (!between.test(page)) throw new Error("docs/security.md has lost its marks");
  return page.replace(between, (_, open: string, close: string) => open + securityTables() + close);
}

const { values } = parseArgs({ options: { check: { type: "boolean" } } });
for (const [name, text] of Object.entries({
  "errors.md": errorsPage(),
  "capabilities.md": capabilitiesPage(join(ROOT, "test/conformance/results")),
  "security.md": securityPage(),
})) {
  const path = join(DOCS, name);
  if (!values.check) {
    writeFileSync(path, text);
  } else if (readFileSync(path, "utf8") !== text) {
    console.error(`docs/${name} is stale. Run: node tools/generate-docs.ts`);
    process.exitCode = 1;
  }
}
