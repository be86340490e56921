/** The .proto files as protobufjs's parser reads them, for tests that look at the wire's own description. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import protobuf from "protobufjs";

const PROTO = resolve(import.meta.dirname, "../../proto");

/**
 * Everything of `paceline.v1`, resolved, with names as they are written. `edit` may change a file's
 * text first, for tests that seed a mistake.
 */
export function loadProtos(
  edit: (file: string, text: string) => string = (_file, text) => text,
): protobuf.Root {
  const root = new protobuf.Root();
  for (const name of ["google/protobuf/struct.proto"]) {
    const common = protobuf.common.get(name);
    if (common?.nested) root.addJSON(common.nested);
  }
  for (const file of ["error", "rollout", "fleet", "policy"]) {
    const text = readFileSync(join(PROTO, `paceline/v1/${file}.proto`), "utf8");
    protobuf.parse(edit(file, text), root, { keepCase: true });
  }
  root.resolveAll();
  return root;
}
