/** Messages that are almost right, written field by field from the .proto files with what no encoder would write. */
import fc from "fast-check";
import protobuf from "protobufjs";
import { loadProtos } from "../../server/api/grpc/protos.ts";

export interface GrpcInput {
  readonly path: string;
  readonly messages: readonly Buffer[];
  /** More than one reply may come, or none. */
  readonly streams: boolean;
}

interface Method {
  readonly path: string;
  readonly request: protobuf.Type;
  readonly requestStream: boolean;
  readonly streams: boolean;
}

/** How a value is written: the wire's own numbers. */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

const root = loadProtos();

const METHODS: readonly Method[] = services().flatMap((service) =>
  service.methodsArray.map((method) => ({
    path: `/paceline.v1.${service.name}/${method.name}`,
    request: root.lookupType(`paceline.v1.${method.requestType}`),
    requestStream: method.requestStream === true,
    streams: method.responseStream === true,
  })),
);

function services(): protobuf.Service[] {
  const described = root.lookup("paceline.v1");
  if (!(described instanceof protobuf.Namespace)) throw new Error("no package paceline.v1");
  return described.nestedArray.filter((one) => one instanceof protobuf.Service);
}

const NUMBERS = [0n, 1n, 2n, 7n, 3n, 31_999n, 2n ** 32n - 1n, 2n ** 53n + 1n, 2n ** 64n - 1n];
const TEXTS: readonly Buffer[] = [
  "",
  "default",
  "fuzzed",
  "w-2",
  "spare",
  "inc-1",
  "x",
  "__proto__",
  "x".repeat(200),
  "http://127.0.0.1:1",
]
  .map((text) => Buffer.from(text))
  .concat(Buffer.from([0xff, 0xc0]));
const REALS = [0, 1, 0.5, -1, 100, Number.NaN, Number.POSITIVE_INFINITY, -0, 1e30];

/** Takes choices from the front; without end, since after them come zeros. */
type Choose = (below: number) => number;

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

const sized = (bytes: Buffer): Buffer => Buffer.concat([varint(BigInt(bytes.length)), bytes]);
const number = (choose: Choose): Buffer => varint(NUMBERS[choose(NUMBERS.length)] ?? 0n);

function real(type: string, choose: Choose): Buffer {
  const value = REALS[choose(REALS.length)] ?? 0;
  const bytes = Buffer.alloc(type === "double" ? 8 : 4);
  if (type === "double") bytes.writeDoubleLE(value);
  else bytes.writeFloatLE(value);
  return bytes;
}

const isReal = (type: string): boolean => type === "float" || type === "double";

function written(field: protobuf.Field, choose: Choose, depth: number): [wire: number, Buffer] {
  const type = field.resolvedType;
  if (field instanceof protobuf.MapField) {
    const value = type instanceof protobuf.Type ? messageOf(type, choose, depth + 1) : null;
    const key = field.keyType === "string" ? sized(TEXTS[choose(TEXTS.length)] as Buffer) : null;
    const entry = [
      Buffer.from([8 | (key === null ? VARINT : BYTES)]),
      key ?? number(choose),
      Buffer.from([16 | (value === null ? FIXED32 : BYTES)]),
      value === null ? real("float", choose) : sized(value),
    ];
    return [BYTES, sized(Buffer.concat(entry))];
  }
  if (type instanceof protobuf.Type) return [BYTES, sized(messageOf(type, choose, depth + 1))];
  if (type !== null) return [VARINT, varint(BigInt(choose(12)))];
  if (field.type === "string" || field.type === "bytes") {
    return [BYTES, sized(TEXTS[choose(TEXTS.length)] as Buffer)];
  }
  const one = (): Buffer => (isReal(field.type) ? real(field.type, choose) : number(choose));
  if (field.repeated) {
    return [BYTES, sized(Buffer.concat(Array.from({ length: choose(5) + 1 }, one)))];
  }
  return [isReal(field.type) ? (field.type === "double" ? FIXED64 : FIXED32) : VARINT, one()];
}

function messageOf(type: protobuf.Type, choose: Choose, depth: number): Buffer {
  const fields = type.fieldsArray;
  const parts: Buffer[] = [];
  const count = depth > 40 || fields.length === 0 ? 0 : choose(depth === 0 ? 9 : 4) + 1;
  for (let i = 0; i < count; i++) {
    const field = fields[choose(fields.length)] as protobuf.Field;
    const [wire, value] = written(field, choose, depth);
    const odd = choose(40);
    const id = odd === 39 ? 19_999 : field.id;
    parts.push(varint(BigInt((id << 3) | (odd === 38 ? VARINT : wire))), value);
  }
  return Buffer.concat(parts);
}

/** The smallest Rollout that is taken; fields that come again later win or are merged. */
const ROLLOUT = Buffer.from([0x2a, 0x01, 0x48, 0x3a, 0x02, 0x08, 0x02]);

/** Lists in lists, as `sampling.structured`: field 7, 18 of Rollout, 6 of Value, 1 of ListValue. */
function nestedLists(levels: number): Buffer {
  let inner = Buffer.from([0x08, 0x00]);
  for (let i = 0; i < levels; i++) {
    const list = Buffer.concat([Buffer.from([0x0a]), sized(inner)]);
    inner = Buffer.concat([Buffer.from([0x32]), sized(list)]);
  }
  const structured = Buffer.concat([Buffer.from([0x92, 0x01]), sized(inner)]);
  return Buffer.concat([Buffer.from([0x3a]), sized(structured)]);
}

export const grpcInputs: fc.Arbitrary<GrpcInput> = fc
  .record({
    method: fc.constantFrom(...METHODS),
    choices: fc.array(fc.nat(10_000), { maxLength: 60 }),
    valid: fc.boolean(),
    nested: fc.option(fc.constantFrom(5, 29, 30, 31, 45, 60, 3_000), { freq: 15 }),
    flips: fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 2 }),
    cut: fc.option(fc.nat(300), { freq: 6 }),
    noise: fc.option(fc.uint8Array({ maxLength: 40 }), { freq: 8 }),
    copies: fc.integer({ min: 0, max: 3 }),
  })
  .map(({ method, choices, valid, nested, flips, cut, noise, copies }) => {
    let taken = 0;
    const choose: Choose = (below) => (choices[taken++] ?? 0) % below;
    const isRollout = method.request.name === "Rollout";
    const parts = [messageOf(method.request, choose, 0)];
    if (valid && isRollout) parts.push(ROLLOUT);
    if (nested !== null && isRollout) parts.push(nestedLists(nested));
    let bytes = noise === null ? Buffer.concat(parts) : Buffer.from(noise);
    for (const [at, value] of flips) if (bytes.length > 0) bytes[at % bytes.length] = value;
    if (cut !== null) bytes = bytes.subarray(0, cut);
    const count = method.requestStream ? copies : 1;
    const { path, streams } = method;
    return { path, streams, messages: Array.from({ length: count }, () => bytes) };
  });
