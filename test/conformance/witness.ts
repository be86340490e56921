/**
 * The tests of one suite, as rows of evidence. Runs against real engines write what they saw, failures too. Runs against fakes and
 * our own engines are held to what is written, row by row, so that no file outlives its suite; `PACELINE_RECORD=1` writes
 * those too.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Capabilities } from "../../server/contract/worker.ts";
import {
  type Counterpart,
  fileOf,
  ROOM,
  type Seen,
  type SeenSuite,
  seenOf,
  write,
} from "./evidence.ts";

const REMEDY = "run it with PACELINE_RECORD=1, then `npm run generate`";

/** Made where tests may be declared. */
export class Witness {
  readonly #of: Counterpart;
  readonly #suite: string;
  readonly #written: SeenSuite | null;
  readonly #rows: Record<string, Seen> = {};
  #capabilities: Capabilities | null = null;
  #declared = 0;

  constructor(of: Counterpart, suite: string) {
    this.#of = of;
    this.#suite = suite;
    this.#written = seenOf(of)[suite] ?? null;
    after(() => this.#settle());
  }

  found(capabilities: Capabilities): void {
    this.#capabilities = capabilities;
  }

  /** A test that is a row. */
  test(name: string, body: () => Promise<void>): void {
    this.row(name, async () => {
      await body();
      return "done";
    });
  }

  row(name: string, body: () => Promise<Seen>): void {
    this.#declared += 1;
    test(name.slice(name.indexOf(ROOM) + 1).trim(), async () => {
      this.#rows[name] = "failed";
      const seen = await body();
      this.#rows[name] = seen;
      if (this.#writes) return;
      assert.equal(
        seen,
        this.#written?.rows[name],
        `${fileOf(this.#of)} says otherwise: ${REMEDY}`,
      );
    });
  }

  get #writes(): boolean {
    return this.#of.against === "real" || process.env["PACELINE_RECORD"] === "1";
  }

  #settle(): void {
    // Some of a suite says nothing of the others.
    if (Object.keys(this.#rows).length < this.#declared) return;
    if (!this.#writes) {
      const { rows = {}, capabilities = null } = this.#written ?? {};
      const gone = Object.keys(rows).filter((name) => !(name in this.#rows));
      assert.deepEqual(gone, [], `${fileOf(this.#of)} has rows that nobody ran: ${REMEDY}`);
      assert.deepEqual(this.#capabilities, capabilities, `${fileOf(this.#of)}: ${REMEDY}`);
      return;
    }
    const { version = null } = this.#of;
    write(this.#of, this.#suite, {
      version,
      date: version === null ? null : new Date().toISOString().slice(0, 10),
      capabilities: this.#capabilities,
      rows: this.#rows,
    });
  }
}
