/**
 * What a zod schema and a proto message do not agree on: names, types, optionality and enum words, both
 * ways. Reads the schema through its JSON Schema, where `format` names the proto's scalar.
 */
import protobuf from "protobufjs";
import { z } from "zod";

type Json = Readonly<Record<string, unknown>>;

/** Fields of a message that only HTTP+JSON has. */
const HTTP_ONLY: Readonly<Record<string, readonly string[]>> = { Rollout: ["encoding"] };

/** Every difference as "path: what". `reached` collects the names of the messages and enums that were compared. */
export function schemaDifferences(
  schema: z.ZodType,
  type: protobuf.Type,
  reached: Set<string>,
): string[] {
  const json = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return compareMessage(type.name, record(json), type, reached);
}

function compareMessage(
  path: string,
  json: Json,
  type: protobuf.Type,
  reached: Set<string>,
): string[] {
  reached.add(type.name);
  const fields = record(json["properties"] ?? {});
  const required = new Set(Array.isArray(json["required"]) ? json["required"] : []);
  const unions = type.oneofsArray.filter((oneof) => !isOptional(oneof) && oneof.name in fields);
  const inUnion = new Set(unions.flatMap((oneof) => oneof.fieldsArray.map(({ name }) => name)));
  const httpOnly = HTTP_ONLY[type.name] ?? [];
  const found: string[] = [];
  if (json["additionalProperties"] !== false) found.push(`${path}: the schema is not strict`);
  for (const name of Object.keys(fields)) {
    const known = name in type.fields || unions.some((oneof) => oneof.name === name);
    if (!known && !httpOnly.includes(name)) found.push(`${path}.${name}: not in the proto`);
  }
  for (const oneof of unions) {
    found.push(...compareUnion(`${path}.${oneof.name}`, present(fields[oneof.name]), oneof));
  }
  for (const field of type.fieldsArray) {
    if (inUnion.has(field.name)) continue;
    const inner = `${path}.${field.name}`;
    if (!(field.name in fields)) {
      found.push(`${inner}: not in the schema`);
      continue;
    }
    // A repeated field or a map has no presence; there an empty one says the same as none.
    const hasPresence = !field.repeated && !field.map;
    const mayBeAbsent = field.partOf !== null;
    if (hasPresence && required.has(field.name) === mayBeAbsent) {
      found.push(
        `${inner}: ${mayBeAbsent ? "optional only in the proto" : "required only in the proto"}`,
      );
    }
    found.push(...compareField(inner, present(fields[field.name]), field, reached));
  }
  return found;
}

function compareField(
  path: string,
  json: Json,
  field: protobuf.Field,
  reached: Set<string>,
): string[] {
  if (field instanceof protobuf.MapField) {
    const value = compareValue(path, record(json["additionalProperties"]), field, reached);
    return json["type"] === "object" && field.keyType === "uint32"
      ? value
      : [`${path}: not a map of token ids in both`, ...value];
  }
  if (!field.repeated) return compareValue(path, json, field, reached);
  if (json["type"] !== "array") return [`${path}: repeated only in the proto`];
  return compareValue(`${path}[]`, record(json["items"]), field, reached);
}

function compareValue(
  path: string,
  json: Json,
  field: protobuf.Field,
  reached: Set<string>,
): string[] {
  const type = field.resolve().resolvedType;
  if (type instanceof protobuf.Enum) return compareEnum(path, json, type, reached);
  if (type instanceof protobuf.Type) {
    if (type.fullName === ".google.protobuf.Value") {
      return Array.isArray(json["type"]) ? [] : [`${path}: any JSON only in the proto`];
    }
    if (type.fullName === ".google.protobuf.Struct") {
      const open = json["type"] === "object" && typeof json["additionalProperties"] === "object";
      return open ? [] : [`${path}: an open object only in the proto`];
    }
    return json["type"] === "array"
      ? compareRow(path, json, type, reached)
      : compareMessage(path, json, type, reached);
  }
  const scalar = scalarOf(json);
  return scalar === field.type
    ? []
    : [`${path}: ${scalar} in the schema, ${field.type} in the proto`];
}

/** proto3 has no array of arrays: a message of nothing but `values` stands for the inner one. */
function compareRow(path: string, json: Json, type: protobuf.Type, reached: Set<string>): string[] {
  reached.add(type.name);
  const values = type.fields["values"];
  if (values === undefined || type.fieldsArray.length > 1) {
    return [`${path}: an array in the schema, a message in the proto`];
  }
  return compareField(path, json, values, reached);
}

function compareEnum(
  path: string,
  json: Json,
  type: protobuf.Enum,
  reached: Set<string>,
): string[] {
  reached.add(type.name);
  const prefix = `${type.name.replace(/(?<!^)([A-Z])/g, "_$1").toUpperCase()}_`;
  const words = Array.isArray(json["enum"]) ? json["enum"].map(String) : [];
  const names = Object.keys(type.values);
  const wanted = [`${prefix}UNSPECIFIED`, ...words.map((word) => prefix + word.toUpperCase())];
  const odd = [
    ...names.filter((name) => !wanted.includes(name)),
    ...wanted.filter((name) => !names.includes(name)),
  ];
  return odd.map((name) => `${path}: ${name} is only in one`);
}

/** A JSON union is a oneof of the same name, whose fields have the union's types. */
function compareUnion(path: string, json: Json, oneof: protobuf.OneOf): string[] {
  const options = Array.isArray(json["anyOf"]) ? json["anyOf"].map(record).map(scalarOf) : [];
  const types = oneof.fieldsArray.map(({ type }) => type);
  return options.join() === types.join()
    ? []
    : [`${path}: ${options.join(" or ")} in the schema, ${types.join(" or ")} in the proto`];
}

function scalarOf(json: Json): string {
  const { type, format } = json;
  if (type === "boolean") return "bool";
  if (type === "integer" || type === "number") return String(format);
  if (type === "string" && format === "base64") return "bytes";
  return type === "string" && !("enum" in json) ? "string" : JSON.stringify(json).slice(0, 60);
}

/** The schema without its `null`, which says the same as absent. */
function present(json: unknown): Json {
  const field = record(json);
  if (Array.isArray(field["type"])) {
    const types = field["type"].filter((type) => type !== "null");
    return { ...field, type: types.length === 1 ? types[0] : types };
  }
  if (!Array.isArray(field["anyOf"])) return field;
  const options = field["anyOf"].map(record).filter(({ type }) => type !== "null");
  const [only] = options;
  return options.length === 1 && only !== undefined ? only : { ...field, anyOf: options };
}

/** proto3's `optional` is a oneof of one field, made by the parser. */
const isOptional = (oneof: protobuf.OneOf): boolean => oneof.name.startsWith("_");

function record(value: unknown): Json {
  if (typeof value !== "object" || value === null) throw new TypeError(`not an object: ${value}`);
  return { ...value };
}
