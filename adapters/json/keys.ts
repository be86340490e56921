/** The keys that a reader of JSON knows of one kind of object, compared as bytes. */

const MOST_KEYS = 31;

export class Keys {
  /** `"name":` as bytes. */
  readonly templates: readonly Uint8Array[];
  /** Of the key that is likely to come next: writers keep an order. */
  expected = 0;

  /** ASCII without escapes, at most 31, best in the order in which they come. `JsonCursor.key` answers an index. */
  constructor(...names: readonly string[]) {
    if (names.length === 0 || names.length > MOST_KEYS) throw new RangeError("1 to 31 keys");
    this.templates = names.map((name) => Buffer.from(`"${name}":`, "latin1"));
  }

  /** Index of the key whose name is `bytes[start, end)`; -1: none. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start + 3;
    for (let i = 0; i < this.templates.length; i++) {
      const template = this.templates[i] as Uint8Array;
      if (template.length !== length) continue;
      let same = 1;
      while (start + same <= end && template[same] === bytes[start + same - 1]) same += 1;
      if (start + same > end) return i;
    }
    return -1;
  }

  found(index: number): void {
    this.expected = index + 1 === this.templates.length ? 0 : index + 1;
  }
}
