/** `docs/capabilities.md`: engine × feature and engine × row of the suite, of what `test/conformance/results` says was seen. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Capabilities, ENGINE_KINDS, type EngineKind } from "../server/contract/worker.ts";
import { type Evidence, ROOM, type Seen, type SeenSuite } from "../test/conformance/evidence.ts";

const HEAD = `# Capabilities

Made by \`node tools/generate-docs.ts\` from \`test/conformance/results/\`, which the suites write; not edited. What to do with an engine,
and its traps: [engines.md](engines.md).

**real 0.32.0**: seen on that release of the engine itself, run without a GPU. **fake only**: seen on a stand-in of ours, which speaks its
wire over real sockets (vLLM's and SGLang's are held against recordings of the real ones). **yes**: an engine of ours. **refused**: it has no
such thing, and what it does instead was looked at, mostly a typed error. **–**: it has no such thing, and nothing can be asked of it; or, of
a real one, its numbers differ by rounding where the row compares them bit for bit. Empty: nobody asked.

\`\`\`sh
npm run test:interop -- test/interop/vllm/*.interop.ts                      # writes what real vLLM does (SGLang, Dynamo: likewise)
PACELINE_RECORD=1 npm test -- test/conformance/engines/*.test.ts            # writes what fakes and our own engines do; CI compares
npm run generate                                                            # makes this page of it; CI compares
\`\`\`
`;

const TITLES: Readonly<Record<EngineKind, string>> = {
  embedded: "embedded",
  simulated: "simulated",
  vllm: "vLLM",
  sglang: "SGLang",
  trtllm: "TensorRT-LLM",
  dynamo: "Dynamo",
};

type Feature = readonly [name: string, has: (capabilities: Capabilities) => boolean | string];

const FEATURES: readonly Feature[] = [
  ...(["raw", "penalised", "tempered", "processed"] as const).map(
    (mode): Feature => [`logprobs: ${mode}`, ({ logprobModes }) => logprobModes.includes(mode)],
  ),
  ...(
    [
      ...([
        "temperature",
        "top_p",
        "top_k",
        "min_p",
        "presence_penalty",
        "frequency_penalty",
      ] as const),
      ...([
        "repetition_penalty",
        "logit_bias",
        "stop_token_ids",
        "min_new_tokens",
        "ignore_eos",
      ] as const),
      ...(["seed", "allowed_token_ids", "bad_words", "structured"] as const),
    ] as const
  ).map((name): Feature => [name, ({ sampling }) => sampling.includes(name)]),
  ["prompt logprobs", ({ promptLogprobs }) => promptLogprobs],
  ["top logprobs", ({ maxTopLogprobs }) => maxTopLogprobs > 0 && `${maxTopLogprobs}`],
  ["sampling mask", ({ samplingMask }) => samplingMask],
  ["routed experts", ({ routedExperts }) => routedExperts === true],
  ["tokens as they are made", ({ journal }) => journal === "stream"],
  ["versions of tokens", ({ spans }) => spans !== "none" && SPANS[spans]],
  ["resume from tokens", ({ resume }) => resume.seeded],
  ["resume under penalties", ({ resume }) => resume.penalties],
  ...(["keep", "retract", "abort"] as const).map(
    (mode): Feature => [`pause: ${mode}`, ({ pause }) => pause.includes(mode)],
  ),
  ["sleep", ({ sleep }) => sleep],
  ["weights staged beside those that serve", ({ weights }) => weights.stage],
  ["proof of weights", ({ weights }) => weights.proof],
  ["checksum of weights in memory", ({ weights }) => weights.checksum === true],
  ["LoRA adapters at once", ({ weights }) => (weights.adapters ?? 0) > 0 && `${weights.adapters}`],
  ["a session's own cache", ({ sessionCache }) => sessionCache],
];

const SPANS = { chunk: "with each chunk", end: "at the end" } as const;

/** One suite of one engine. */
interface Run extends SeenSuite {
  readonly engine: EngineKind;
  readonly against: Evidence["against"];
  readonly suite: string;
}

/** `folder`: where the evidence lies. */
export function capabilitiesPage(folder: string): string {
  const runs = readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .flatMap((name) => runsOf(JSON.parse(readFileSync(join(folder, name), "utf8"))));
  const faults = runs.filter(({ suite }) => suite.endsWith(FAULTS));
  const suite = runs.filter(({ capabilities }) => capabilities !== null);
  const beyond = runs.filter((run) => !faults.includes(run) && !suite.includes(run));
  return [
    HEAD,
    "## What each can do\n\nAs its probe found; the rows below hold it to that.\n",
    table(
      FEATURES.map(([name, has]) => [name, (one) => cell(featureOf(ofEngine(suite, one), has))]),
    ),
    ...roomsIn(suite).flatMap(([room, rows]) => [
      `## The suite: ${room}\n`,
      table(rows.map((row) => [titleOf(row), (one) => cell(rowOf(ofEngine(suite, one), row))])),
    ]),
    "## What a fake did wrong on command, and was noticed\n",
    table(
      [...new Set(faults.flatMap(({ rows }) => Object.keys(rows)))].map((row) => [
        row,
        (one) => cell(rowOf(ofEngine(faults, one), row)),
      ]),
    ),
    "## Beyond the suite, on real ones\n",
    listed(beyond),
  ].join("\n");
}

const FAULTS = ": faults";

const runsOf = ({ engine, against, suites }: Evidence): readonly Run[] =>
  Object.entries(suites).map(([suite, seen]) => ({ ...seen, engine, against, suite }));

const ofEngine = (runs: readonly Run[], engine: EngineKind): readonly Run[] =>
  runs.filter((run) => run.engine === engine);

/** Rows by their room, in the order of who runs most of them. */
function roomsIn(runs: readonly Run[]): readonly (readonly [room: string, rows: string[]])[] {
  const most = [...runs].sort((a, b) => Object.keys(b.rows).length - Object.keys(a.rows).length);
  const rooms = new Map<string, string[]>();
  for (const row of new Set(most.flatMap(({ rows }) => Object.keys(rows)))) {
    const room = row.slice(0, row.indexOf(ROOM)).trim();
    rooms.set(room, [...(rooms.get(room) ?? []), row]);
  }
  return [...rooms];
}

const titleOf = (row: string): string => row.slice(row.indexOf(ROOM) + 1).trim();

/** What one run says of one thing. */
interface Said {
  readonly run: Run;
  readonly seen: Seen;
  readonly how?: string;
}

const rowOf = (runs: readonly Run[], row: string): readonly Said[] =>
  runs.flatMap((run) => {
    const seen = run.rows[row];
    return seen === undefined ? [] : [{ run, seen }];
  });

const featureOf = (runs: readonly Run[], has: Feature[1]): readonly Said[] =>
  runs.flatMap((run): readonly Said[] => {
    if (run.capabilities === null) return [];
    const found = has(run.capabilities);
    if (found === false) return [{ run, seen: "unasked" }];
    return [{ run, seen: "done", ...(found === true ? {} : { how: found }) }];
  });

/** A failure outweighs all; then what the real one did, then what a stand-in did; then who has no such thing. */
function cell(said: readonly Said[]): string {
  const of = (seen: Seen, real: boolean): Said | undefined =>
    said.find((one) => one.seen === seen && (one.run.against === "real") === real);
  const failed = of("failed", true) ?? of("failed", false);
  if (failed !== undefined) return `**failed** (${byWhom(failed.run)})`;
  const done = of("done", true) ?? of("done", false);
  if (done !== undefined) {
    const how = done.how === undefined ? "" : `${done.how}: `;
    return `${how}${byWhom(done.run)}`;
  }
  const refused = of("refused", true) ?? of("refused", false);
  if (refused !== undefined) {
    return refused.run.against === "itself" ? "refused" : `refused (${byWhom(refused.run)})`;
  }
  return said.length > 0 ? "–" : "";
}

function byWhom({ against, version }: Run): string {
  if (against === "real") return `real ${version}`;
  return against === "itself" ? "yes" : "fake only";
}

type Line = readonly [name: string, cellOf: (engine: EngineKind) => string];

const table = (lines: readonly Line[]): string =>
  [
    `| |${ENGINE_KINDS.map((engine) => ` ${TITLES[engine]} |`).join("")}`,
    `|---|${"---|".repeat(ENGINE_KINDS.length)}`,
    ...lines.map(
      ([name, cellOf]) => `| ${name} |${ENGINE_KINDS.map((one) => ` ${cellOf(one)} |`).join("")}`,
    ),
    "",
  ].join("\n");

const listed = (runs: readonly Run[]): string =>
  [
    "| engine | test | seen | what |\n|---|---|---|---|",
    ...runs.flatMap((run) =>
      Object.entries(run.rows).map(([name, seen]) => {
        const where = `${byWhom(run)}, ${run.date}`;
        const told = seen === "done" ? where : `**${seen}**, ${where}`;
        return `| ${TITLES[run.engine]} | ${run.suite} | ${told} | ${titleOf(name)} |`;
      }),
    ),
    "",
  ].join("\n");
