/** The standard reflection service (v1 and v1alpha): what `grpcurl list` and `describe` ask. */

import type { Server } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import { PROTO_DIRECTORY, protoFiles } from "./protos.ts";

export function addReflection(server: Server): void {
  const described = loadSync([...protoFiles(), "grpc/health/v1/health.proto"], {
    includeDirs: [PROTO_DIRECTORY],
    keepCase: true,
  });
  new ReflectionService(described).addToServer(server);
}
