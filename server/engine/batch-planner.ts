/**
 * Decides what each step computes: one token of every running sequence that has its KV, and one chunk of
 * prefill, taken first from sequences already admitted, then from those waiting in order of priority and
 * arrival. A sequence is admitted when the blocks for all its known tokens are free, so a prefill once begun
 * never waits for memory. When a decode finds no block, the newest sequence of the lowest priority is
 * preempted: its KV goes back and is computed again later, which gives the same bits. One with mixed KV is
 * preempted only after all others, because recomputation changes what its next tokens attend to.
 */
import type { KvBlocks } from "./kv-blocks.ts";
import { compareSequences, type Sequence } from "./sequence.ts";

export interface PlannerOptions {
  /** Sequences with KV at most. */
  readonly maxRunning: number;
  /** Tokens of prefill in one step at most. */
  readonly prefillChunk: number;
  /** Positions of prompts whose logits are computed in one step at most, beside those that sample. */
  readonly promptLogits: number;
}

export interface PlannedRows {
  readonly sequence: Sequence;
  /** Tokens fed in this step, from `sequence.computed` on. */
  readonly count: number;
}

export interface BatchPlan {
  readonly rows: readonly PlannedRows[];
  readonly decodes: number;
  /** Sequences that need more KV than the whole cache has; they are no longer known here. */
  readonly outgrown: readonly Sequence[];
}

export class BatchPlanner {
  /** Both in serving order. */
  readonly running: Sequence[] = [];
  readonly waiting: Sequence[] = [];
  readonly #kv: KvBlocks;
  readonly #options: PlannerOptions;

  constructor(kv: KvBlocks, options: PlannerOptions) {
    this.#kv = kv;
    this.#options = options;
  }

  enqueue(sequence: Sequence): void {
    insert(this.waiting, sequence);
  }

  /** Forgets a sequence, giving its KV back. */
  remove(sequence: Sequence): void {
    take(this.running, sequence);
    take(this.waiting, sequence);
    sequence.reset(this.#kv);
  }

  /** Gives a running sequence's KV back and lets it wait for its turn. */
  requeue(sequence: Sequence): void {
    this.remove(sequence);
    this.enqueue(sequence);
  }

  plan(): BatchPlan {
    const outgrown: Sequence[] = [];
    const decoding = this.#planDecodes(outgrown);
    const rows = decoding.map((sequence) => ({ sequence, count: 1 }));
    for (const sequence of decoding) sequence.seal(this.#kv, sequence.length);
    return { rows: [...rows, ...this.#planPrefill()], decodes: rows.length, outgrown };
  }

  #planDecodes(outgrown: Sequence[]): Sequence[] {
    for (const sequence of this.running.filter(({ decoding }) => decoding)) {
      while (this.running.includes(sequence) && sequence.missingBlocks > 0) {
        const block = this.#kv.take();
        if (block !== null) sequence.blocks.push(block);
        else if (this.running.length > 1) this.requeue(this.#victim());
        else {
          this.remove(sequence);
          outgrown.push(sequence);
        }
      }
    }
    return this.running.filter(({ decoding }) => decoding);
  }

  #victim(): Sequence {
    const last = this.running.findLast(({ mixed }) => !mixed) ?? this.running.at(-1);
    if (last === undefined) throw new Error("nothing runs");
    return last;
  }

  #planPrefill(): PlannedRows[] {
    const rows: PlannedRows[] = [];
    let budget = this.#options.prefillChunk;
    let logits = this.#options.promptLogits;
    const feed = (sequence: Sequence): void => {
      const { computed, scores } = sequence;
      let count = Math.min(budget, sequence.remaining);
      if (scores !== null) {
        count = scores.within(computed, count, logits);
        if (count === 0) return;
        logits -= scores.rows(computed, count);
      }
      budget -= count;
      // From here on others may find these blocks: they are written before any row of this batch attends.
      sequence.seal(this.#kv, sequence.computed + count);
      rows.push({ sequence, count });
    };
    for (const sequence of this.running) {
      if (budget > 0 && !sequence.decoding) feed(sequence);
    }
    while (budget > 0) {
      const sequence = this.#admit();
      if (sequence === null) break;
      feed(sequence);
    }
    return rows;
  }

  #admit(): Sequence | null {
    const [sequence] = this.waiting;
    if (sequence === undefined || this.running.length >= this.#options.maxRunning) return null;
    sequence.findPrefix(this.#kv);
    // One block to spare where others grow: what was just preempted must not come back at once.
    const spare = this.running.length > 0 ? 1 : 0;
    if (this.#kv.available < sequence.missingBlocks + spare) {
      sequence.reset(this.#kv);
      return null;
    }
    while (sequence.missingBlocks > 0) {
      const block = this.#kv.take();
      if (block === null) throw new Error("an available block could not be taken");
      sequence.blocks.push(block);
    }
    this.waiting.shift();
    insert(this.running, sequence);
    return sequence;
  }
}

function insert(list: Sequence[], sequence: Sequence): void {
  let low = 0;
  for (let high = list.length; low < high; ) {
    const middle = (low + high) >>> 1;
    if (compareSequences(list[middle] as Sequence, sequence) < 0) low = middle + 1;
    else high = middle;
  }
  list.splice(low, 0, sequence);
}

function take(list: Sequence[], sequence: Sequence): void {
  const index = list.indexOf(sequence);
  if (index >= 0) list.splice(index, 1);
}
