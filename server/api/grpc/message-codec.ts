/**
 * Messages of `paceline.v1` as the JSON bodies that say the same, by the .proto's own description: enums
 * become their lower-case words, 64-bit integers numbers, and both fronts share one path of checks. For
 * calls that are not hot: it walks every field.
 */
import protobuf from "protobufjs";
import { PacelineError } from "../../contract/errors.ts";
import { invalid } from "../codec/invalid.ts";
import { structFromJson, structToJson, valueToJson } from "./struct.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Throws `invalid_argument` for bytes that are no such message. Nothing else is checked here. */
export function decodeMessage(type: protobuf.Type, bytes: Uint8Array): Record<string, unknown> {
  try {
    return fieldsOf(type, type.decode(bytes));
  } catch (cause) {
    throw invalid("", `the message cannot be decoded: ${String(cause)}`);
  }
}

function fieldsOf(type: protobuf.Type, message: object): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const field of type.fieldsArray) {
    const present = Object.hasOwn(message, field.name);
    // What proto3 leaves out when it is zero is there all the same; what has presence is absent.
    if (!present && (field.partOf !== null || field.repeated || !isScalar(field))) continue;
    const value: unknown = present ? Reflect.get(message, field.name) : field.defaultValue;
    out[field.name] = Array.isArray(value)
      ? value.map((item: unknown) => fromField(field, item))
      : fromField(field, value);
  }
  return out;
}

const isScalar = (field: protobuf.Field): boolean => !(field.resolvedType instanceof protobuf.Type);

function fromField(field: protobuf.Field, value: unknown): unknown {
  const type = field.resolvedType;
  if (type instanceof protobuf.Enum) return wordOf(type, value);
  if (typeof value !== "object" || value === null) return value;
  // A 64-bit integer; one beyond 2^53 stays beyond it, and the schema refuses it.
  if ("toNumber" in value && typeof value.toNumber === "function") return value.toNumber();
  if (type === null) return value;
  if (type.fullName === ".google.protobuf.Struct") return structToJson(value);
  if (type.fullName === ".google.protobuf.Value") return valueToJson(value);
  return fieldsOf(type, value);
}

/** UNSPECIFIED is the same as absent; a number that is none of ours stays one, for the schema to refuse. */
function wordOf(type: protobuf.Enum, value: unknown): unknown {
  const name = typeof value === "number" ? type.valuesById[value] : undefined;
  if (value === 0) return undefined;
  return name === undefined ? value : name.slice(prefixOf(type).length).toLowerCase();
}

const prefixOf = (type: protobuf.Enum): string =>
  (Object.keys(type.values)[0] ?? "").replace(/UNSPECIFIED$/, "");

/** Throws `internal` for a field that the message has not: the two would no longer say the same. */
export function encodeMessage(type: protobuf.Type, body: unknown): Buffer {
  const message = type.fromObject(record(toFields(type, body)));
  return Buffer.from(type.encode(message).finish());
}

function toFields(type: protobuf.Type, body: unknown): unknown {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  const out: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(body)) {
    if (value == null) continue;
    const field = type.fields[name];
    if (field === undefined) {
      throw new PacelineError("internal", `${type.name} has no field ${name}`);
    }
    out[name] =
      field.repeated && Array.isArray(value)
        ? value.map((item: unknown) => toField(field, item))
        : toField(field, value);
  }
  return out;
}

function toField(field: protobuf.Field, value: unknown): unknown {
  const type = field.resolvedType;
  if (field.map || type === null) return value;
  if (type instanceof protobuf.Enum) {
    return typeof value === "string"
      ? type.values[`${prefixOf(type)}${value.toUpperCase()}`]
      : value;
  }
  if (type.fullName === ".google.protobuf.Struct") return structFromJson(record(value));
  if (type.fullName === ".google.protobuf.Value") {
    return structFromJson({ value }).fields?.["value"];
  }
  return toFields(type, value);
}

function record(value: unknown): Fields & Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw new TypeError("not an object");
  return { ...value };
}
