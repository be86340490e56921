/** The .proto files as protobufjs's parser reads them, for tests that look at the wire's own description. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import protobuf from "protobufjs";

const PROTO = resolve(import.meta.dirname, "../../proto");

/** Everything of `paceline.v1`, resolved, with names as they are written. */
export function loadProtos(): protobuf.Root {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) =>
    protobuf.common.get(target) === null ? join(PROTO, target) : target;
  for (const file of ["rollout", "fleet", "policy", "error"]) {
    root.loadSync(`paceline/v1/${file}.proto`, { keepCase: true });
  }
  root.resolveAll();
  return root;
}

export const protoText = (file: string): string => readFileSync(join(PROTO, file), "utf8");
