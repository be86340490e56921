/**
 * JSON bodies that are almost right. A body is a tree whose leaves are JSON text, so that it can also hold what no JSON
 * library writes: NaN, keys given twice, lone surrogates, a thousand levels. Mutations are plain numbers, and so shrink.
 */
import fc from "fast-check";

type Node = Leaf | List | Fields;
interface Leaf {
  readonly text: string;
}
interface List {
  readonly items: Node[];
}
interface Fields {
  readonly fields: [key: string, value: Node][];
}

/** What it does, at which node, with which of the values; each wraps around. */
export interface Mutation {
  readonly op: (typeof OPS)[number];
  readonly at: number;
  readonly value: number;
}

const OPS = ["replace", "drop", "unknown", "proto", "twice", "wrap", "repeat"] as const;

/** Never in any contract: a body that holds it in a strict object must be refused. */
export const UNKNOWN_FIELD = "nobody_knows";

const nested = (open: string, close: string, levels: number): string =>
  `${open.repeat(levels)}1${close.repeat(levels)}`;

/** JSON texts, mostly valid ones. No host but this one, and no path that is there, is ever named. */
const VALUES: readonly string[] = [
  "null",
  "0",
  "1",
  "-1",
  "true",
  "false",
  '""',
  '"x"',
  "[]",
  "{}",
  "0.5",
  "-0",
  "1e999",
  "-1e999",
  "1e-400",
  "NaN",
  "Infinity",
  "undefined",
  "2147483648",
  "4294967295",
  "4294967296",
  "9007199254740991",
  "9007199254740993",
  "18446744073709551616",
  "1e308",
  "3.5e38",
  '"NaN"',
  '"1"',
  '"\\u0000"',
  '"\\ud800"',
  '"../../etc"',
  '"b64"',
  '"AQAAAA=="',
  '"AQAAA"',
  '"@@@@"',
  '"AQAAAP////8="',
  '"AADAfw=="',
  '"__proto__"',
  '"http://127.0.0.1:1"',
  '"http://"',
  "[null]",
  "[[]]",
  "[1,-1]",
  "[1.5]",
  '["1"]',
  '[{"version":1}]',
  '{"exact":1}',
  '{"min":1,"max_lag":1}',
  '{"id":"g","size":0,"index":0}',
  '{"__proto__":{"x":1}}',
  '{"constructor":{"prototype":{"x":1}}}',
  '{"toString":1,"valueOf":null}',
  '{"length":4294967295}',
  `"${"x".repeat(5_000)}"`,
  `[${"0,".repeat(3_000)}0]`,
  nested("[", "]", 40),
  nested("[", "]", 8_000),
  nested('{"a":', "}", 8_000),
];

export const mutations: fc.Arbitrary<readonly Mutation[]> = fc.array(
  fc.record({
    op: fc.constantFrom(...OPS, "replace", "replace", "replace"),
    at: fc.nat(1_000),
    value: fc.nat(VALUES.length - 1),
  }),
  { maxLength: 3 },
);

/** JSON text of `body` with the mutations made in their order. */
export function mutatedJson(body: unknown, changes: readonly Mutation[]): string {
  const root: List = { items: [nodeOf(body)] };
  for (const change of changes) mutate(root, change);
  return root.items.map(textOf).join("");
}

function nodeOf(value: unknown): Node {
  if (Array.isArray(value)) return { items: value.map(nodeOf) };
  if (typeof value !== "object" || value === null) return { text: JSON.stringify(value) };
  return { fields: Object.entries(value).map(([key, inner]) => [key, nodeOf(inner)]) };
}

function textOf(node: Node): string {
  if ("text" in node) return node.text;
  if ("items" in node) return `[${node.items.map(textOf).join(",")}]`;
  return `{${node.fields.map(([key, value]) => `${JSON.stringify(key)}:${textOf(value)}`).join(",")}}`;
}

/** A place in the tree: what holds a node, and where. */
interface Place {
  readonly parent: List | Fields;
  readonly index: number;
  readonly node: Node;
}

function* places(parent: List | Fields): Generator<Place> {
  const nodes = "items" in parent ? parent.items : parent.fields.map(([, value]) => value);
  for (const [index, node] of nodes.entries()) {
    yield { parent, index, node };
    if (!("text" in node)) yield* places(node);
  }
}

function mutate(root: List, { op, at, value }: Mutation): void {
  const all = [...places(root)];
  const place = all[at % Math.max(1, all.length)];
  if (place === undefined) return;
  const { parent, index, node } = place;
  const given: Leaf = { text: VALUES[value] as string };
  const set = (next: Node): void => {
    if ("items" in parent) parent.items[index] = next;
    else (parent.fields[index] as [string, Node])[1] = next;
  };
  // Fields are added to the object that was hit, or else to the one around it.
  const object = "fields" in node ? node : "fields" in parent ? parent : null;
  if (op === "replace") set(given);
  else if (op === "wrap") set({ items: [node] });
  else if (op === "drop" && "items" in parent) parent.items.splice(index, 1);
  else if (op === "drop" && "fields" in parent) parent.fields.splice(index, 1);
  else if (op === "repeat" && "items" in node) node.items.push(...node.items.slice(0, 64));
  else if (op === "unknown") object?.fields.push([UNKNOWN_FIELD, given]);
  else if (op === "proto") object?.fields.push(["__proto__", given]);
  else if (op === "twice" && "fields" in parent) {
    parent.fields.push([(parent.fields[index] as [string, Node])[0], given]);
  }
}
