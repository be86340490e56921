/**
 * Imports point one way. Each room names what it may import; everything else is a violation. Run with
 * `--root DIR` on another tree (its test seeds a violation).
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";

const LEAVES = [
  "server/age-map",
  "server/store",
  "server/spool",
  "server/arrow",
  "server/checkpoint",
  "server/telemetry",
  "server/limits",
  "server/config",
  "server/live-clock",
  "server/text",
];
const ENGINE = ["adapters/engine", "adapters/read-pacing", "server/contract"];
/** What adapters of real engines share. Bounds are read from the limits and handed to the shared rooms. */
const ADAPTER = [
  ...ENGINE,
  "adapters/label",
  "adapters/seed",
  "adapters/experts",
  "adapters/http",
  "adapters/json",
  "adapters/kv-events",
  "adapters/lora",
  "adapters/zmq",
  "server/limits",
];

/** Room → rooms it may import, beside itself. The first room whose path is a prefix of the file's decides. */
export const ROOMS: readonly (readonly [room: string, mayImport: readonly string[]])[] = [
  ["server/contract", []],
  ["server/limits", []],
  ["server/age-map", []],
  ["server/live-clock", ["server/contract"]],
  ["server/seeded-random", ["server/contract"]],
  ["server/config", ["server/contract", "server/limits", "server/scheduler/disciplines/names"]],
  ["server/scheduler", ["server/contract"]],
  ["server/weights/coordinator/core", ["server/contract"]],
  ["server/simulator/engine", ["server/scheduler/card", "server/scheduler/heap"]],
  [
    "server/simulator",
    [
      "server/contract",
      "server/fleet/rates",
      "server/limits",
      "server/scheduler",
      "server/seeded-random",
    ],
  ],
  ["server/worker-thread", ["server/contract", "server/limits"]],
  ["server/store", ["server/contract", "server/limits", "server/worker-thread"]],
  ["server/spool", ["server/contract", "server/limits", "server/worker-thread"]],
  ["server/arrow", ["server/contract"]],
  ["server/checkpoint", ["server/contract", "server/limits"]],
  ["server/text", ["server/contract", "server/limits", "server/age-map"]],
  ["server/telemetry", ["server/contract", "server/limits"]],
  ["adapters/vllm", ADAPTER],
  ["adapters/sglang", ADAPTER],
  ["adapters/completions", ADAPTER],
  ["adapters/trtllm", [...ADAPTER, "adapters/completions", "proto"]],
  ["adapters/dynamo", [...ADAPTER, "adapters/completions"]],
  ["adapters/simulated", [...ENGINE, "adapters/embedded"]],
  [
    "adapters/registry",
    [
      ...ENGINE,
      "adapters/embedded",
      "adapters/simulated",
      "adapters/vllm",
      "adapters/sglang",
      "adapters/trtllm",
      "adapters/dynamo",
    ],
  ],
  ["adapters/engine", ["adapters/read-pacing", "server/contract"]],
  ["adapters/read-pacing", ["server/contract"]],
  ["adapters/label", ["server/contract"]],
  ["adapters/seed", []],
  ["adapters/http", ENGINE],
  ["adapters/json", []],
  ["adapters/experts", [...ENGINE, "adapters/json"]],
  ["adapters/kv-events", [...ENGINE, "adapters/lora", "adapters/zmq"]],
  ["adapters/lora", ENGINE],
  ["adapters/zmq", ["server/contract"]],
  ["adapters/embedded", ADAPTER],
  [
    "server/engine",
    [
      "server/contract",
      "server/checkpoint",
      "server/limits",
      "server/live-clock",
      "server/simulator/engine",
      "adapters/embedded/wire",
    ],
  ],
  ["server/fleet", [...ENGINE, ...LEAVES]],
  ["server/policy", ["server/contract", ...LEAVES]],
  ["server/sessions", ["server/contract", "server/limits", "server/age-map"]],
  ["server/placement", [...ENGINE, "server/scheduler", "server/fleet", "server/policy", ...LEAVES]],
  [
    "server/rollouts",
    [
      ...ENGINE,
      "server/scheduler",
      "server/placement",
      "server/fleet",
      "server/policy",
      "server/sessions",
      ...LEAVES,
    ],
  ],
  // Beside rollouts and trajectories: it counts what rollouts tell it, through a port that they define.
  [
    "server/jobs",
    [
      "server/contract",
      "server/scheduler",
      "server/fleet",
      "server/policy",
      "server/rollouts",
      ...LEAVES,
    ],
  ],
  ["server/weights", [...ENGINE, "server/placement", "server/fleet", "server/policy", ...LEAVES]],
  [
    "server/api",
    [
      "server/contract",
      "server/rollouts",
      "server/sessions",
      "server/jobs",
      "server/weights",
      "server/placement",
      "server/scheduler",
      "server/fleet",
      "server/policy",
      "proto",
      ...LEAVES,
    ],
  ],
  ["server", ["server", "adapters", "proto"]],
];

const NOBODY_IMPORTS = ["server/api", "server/assembly", "server/cli", "server/main"];
const MAY_IMPORT_THEM = ["server/cli", "server/main", "server/assembly", "server/api"];

const within = (path: string, room: string): boolean =>
  path === room || path.startsWith(`${room}/`) || path === `${room}.ts`;

export function violations(root: string): string[] {
  const found: string[] = [];
  for (const file of sources(root)) {
    const text = readFileSync(join(root, file), "utf8");
    for (const match of text.matchAll(/(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g)) {
      const target = relative(root, resolve(root, dirname(file), match[1] as string));
      const why = forbidden(file, target);
      if (why !== null) found.push(`${file} imports ${target}: ${why}`);
    }
  }
  return found;
}

function forbidden(file: string, target: string): string | null {
  if (
    NOBODY_IMPORTS.some((room) => within(target, room)) &&
    !MAY_IMPORT_THEM.some((room) => within(file, room))
  ) {
    return "nothing imports the fronts";
  }
  const rule = ROOMS.find(([room]) => within(file, room));
  if (rule === undefined) return "this file is in no room that tools/check-imports.ts knows";
  const [room, mayImport] = rule;
  if (within(target, room) || mayImport.some((allowed) => within(target, allowed))) return null;
  return `${room} may import ${mayImport.join(", ") || "nothing of ours"}`;
}

function sources(root: string): string[] {
  return ["server", "adapters"].flatMap((top) =>
    readdirSync(join(root, top), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !name.includes("kernels/assembly"))
      .map((name) => `${top}/${name}`),
  );
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { root: { type: "string", default: process.cwd() } } });
  const found = violations(values.root);
  for (const line of found) console.error(line);
  if (found.length > 0) process.exit(1);
  console.log("imports point one way");
}
