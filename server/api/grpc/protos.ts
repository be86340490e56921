/**
 * The .proto files as they are, read at start: what the calls that are not hot are translated by, and
 * what reflection tells. The rollouts' messages go through the generated code instead.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import protobuf from "protobufjs";

export const PROTO_DIRECTORY = resolve(import.meta.dirname, "../../../proto");
const PACKAGE = "paceline/v1";

/** Paths below `PROTO_DIRECTORY`. */
export const protoFiles = (): string[] =>
  readdirSync(join(PROTO_DIRECTORY, PACKAGE))
    .filter((name) => name.endsWith(".proto"))
    .map((name) => `${PACKAGE}/${name}`);

/**
 * Everything of `paceline.v1`, resolved, with names as they are written. `edit` may change the
 * text of a file (`rollout`, …) first, for tests that seed a mistake.
 */
export function loadProtos(
  edit: (file: string, text: string) => string = (_file, text) => text,
): protobuf.Root {
  const root = new protobuf.Root();
  const common = protobuf.common.get("google/protobuf/struct.proto");
  if (common?.nested) root.addJSON(common.nested);
  for (const file of protoFiles()) {
    const text = readFileSync(join(PROTO_DIRECTORY, file), "utf8");
    protobuf.parse(edit(basename(file, ".proto"), text), root, { keepCase: true });
  }
  root.resolveAll();
  return root;
}
