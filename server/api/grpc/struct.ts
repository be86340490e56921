/** google.protobuf.Struct and Value as plain JSON values and back. */
import type { google } from "../../../proto/gen/paceline.js";

type Struct = google.protobuf.Struct.$Properties;
type Value = google.protobuf.Value.$Properties;

export function structToJson(struct: Struct): Record<string, unknown> {
  const entries = Object.entries(struct.fields ?? {});
  return Object.fromEntries(entries.map(([name, value]) => [name, valueToJson(value)]));
}

export function valueToJson(value: Value): unknown {
  if (value.structValue != null) return structToJson(value.structValue);
  if (value.listValue != null) return (value.listValue.values ?? []).map(valueToJson);
  return value.stringValue ?? value.numberValue ?? value.boolValue ?? null;
}

/** Fields that JSON leaves out (undefined, functions) are left out here. */
export function structFromJson(fields: Readonly<Record<string, unknown>>): Struct {
  const entries = Object.entries(fields).filter(([, value]) => isJson(value));
  return { fields: Object.fromEntries(entries.map(([name, value]) => [name, fromJson(value)])) };
}

function fromJson(value: unknown): Value {
  if (value === null) return { nullValue: 0 };
  if (typeof value === "number") return { numberValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "string") return { stringValue: value };
  if (Array.isArray(value)) {
    const values = value.map((item: unknown) => fromJson(isJson(item) ? item : null));
    return { listValue: { values } };
  }
  if (typeof value === "object") return { structValue: structFromJson({ ...value }) };
  return { stringValue: String(value) };
}

const isJson = (value: unknown): boolean =>
  value !== undefined && typeof value !== "function" && typeof value !== "symbol";
