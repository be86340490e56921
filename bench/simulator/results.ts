/**
 * Numbers of single runs, written to a file as they come: a table that was cut off goes on where it was. A file belongs to
 * one commit, since another's runs are of another scheduler.
 */
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";

export type Numbers<Name extends string = string> = Readonly<Record<Name, number>>;

export class Results {
  readonly #known = new Map<string, Numbers>();
  readonly #file: string | null;
  readonly #begun = performance.now();
  #runs = 0;

  /** `file`: null keeps nothing. Throws where it is of another commit. */
  constructor(file: string | null, commit: string) {
    this.#file = file;
    if (file === null) return;
    if (!existsSync(file)) {
      writeFileSync(file, `${JSON.stringify({ commit })}\n`);
      return;
    }
    const text = readFileSync(file, "utf8");
    // A last line without an end was cut off while it was written.
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    if (whole.length < text.length) writeFileSync(file, whole);
    const [head, ...lines] = whole.split("\n").filter((line) => line !== "");
    if (head !== JSON.stringify({ commit }))
      throw new Error(`${file} is of another commit: ${head}`);
    for (const line of lines) {
      const [key, numbers]: [string, Numbers] = JSON.parse(line);
      this.#known.set(key, numbers);
    }
  }

  /** As the file has it, or made now; progress goes to stderr. */
  sample<Name extends string>(key: string, make: () => Numbers<Name>): Numbers<Name> {
    const known = this.#known.get(key);
    if (isOf<Name>(known)) return known;
    const made = make();
    for (const [name, value] of Object.entries(made)) {
      if (!Number.isFinite(value)) throw new Error(`${key}: ${name} is ${value}`);
    }
    this.#known.set(key, made);
    if (this.#file !== null) appendFileSync(this.#file, `${JSON.stringify([key, made])}\n`);
    const seconds = (performance.now() - this.#begun) / 1_000;
    process.stderr.write(`${++this.#runs} runs, ${seconds.toFixed(0)} s: ${key}\n`);
    return made;
  }
}

/** A key names what is measured, so what is known of it has the same names. */
const isOf = <Name extends string>(known: Numbers | undefined): known is Numbers<Name> =>
  known !== undefined;

/** Throws where what would be measured has no commit. */
export function commitOfBench(): string {
  const git = (...words: string[]): string =>
    execFileSync("git", words, { cwd: `${import.meta.dirname}/../..`, encoding: "utf8" }).trim();
  if (git("status", "--porcelain", "--", "server", "bench") !== "")
    throw new Error("--results: server/ or bench/ differs from its commit");
  return git("rev-parse", "HEAD");
}
