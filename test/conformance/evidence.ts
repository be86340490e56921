/**
 * What an engine was seen to do, written down by the run that saw it (`witness.ts`) into `results/`. `docs/capabilities.md` is made
 * of these files.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Capabilities, EngineKind } from "../../server/contract/worker.ts";

/** `itself`: an engine of ours, which needs no counterpart. */
export type Against = "real" | "fake" | "itself";

/** `refused`: it has no such thing, and does what it must do then. `unasked`: it has no such thing, and nothing can be asked of it. */
export type Seen = "done" | "refused" | "unasked" | "failed";

/** One suite, as it last ran. */
export interface SeenSuite {
  /** Of the real engine; null: it is ours, or a fake. */
  readonly version: string | null;
  /** The day, of a real engine. */
  readonly date: string | null;
  /** As the probe found them, where the suite asked. */
  readonly capabilities: Capabilities | null;
  readonly rows: Readonly<Record<string, Seen>>;
}

export interface Evidence {
  readonly engine: EngineKind;
  readonly against: Against;
  readonly suites: Readonly<Record<string, SeenSuite>>;
}

export interface Counterpart {
  readonly engine: EngineKind;
  readonly against: Against;
  /** Of the real engine. */
  readonly version?: string;
}

/** Between the room of a suite and the name of a row in it. */
export const ROOM = "›";

const FOLDER = fileURLToPath(new URL("results/", import.meta.url));

export const fileOf = ({ engine, against }: Counterpart): string => `${engine}-${against}.json`;

/** By suite; empty where nobody has seen anything yet. */
export function seenOf(of: Counterpart): Evidence["suites"] {
  try {
    return (JSON.parse(readFileSync(FOLDER + fileOf(of), "utf8")) as Evidence).suites;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
}

/** In the place of what the suite said before; other suites stay. */
export function write(of: Counterpart, suite: string, seen: SeenSuite): void {
  const { engine, against } = of;
  const evidence: Evidence = { engine, against, suites: { ...seenOf(of), [suite]: seen } };
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(FOLDER + fileOf(of), `${JSON.stringify(evidence, null, 2)}\n`);
}
