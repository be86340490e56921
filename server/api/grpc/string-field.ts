/** One top-level string of a message's bytes, found without decoding the rest. */
import protobuf from "protobufjs/minimal.js";
import { invalid } from "../codec/invalid.ts";

const LENGTH_DELIMITED = 2;

/**
 * The last one wins, as for any decoder; null where there is none. Throws `invalid_argument` where the
 * bytes are no message, or the field is no string: another decoder might read it all the same.
 */
export function stringField(bytes: Uint8Array, field: number): string | null {
  let found: string | null = null;
  try {
    const reader = protobuf.Reader.create(bytes);
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      const type = tag & 7;
      if (tag >>> 3 !== field) reader.skipType(type);
      else if (type === LENGTH_DELIMITED) found = reader.string();
      else throw new Error(`field ${field} is no string`);
    }
  } catch (cause) {
    throw invalid("", `the message cannot be decoded: ${String(cause)}`);
  }
  return found;
}
