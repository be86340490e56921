import type { EngineControl } from "../engine.ts";
import type { Client } from "./client.ts";

export function createControl(client: Client): EngineControl {
  return {
    async pause(mode, signal) {
      await client.call("POST", "/pause", { mode }, signal);
    },
    async resume(signal) {
      await client.call("POST", "/resume", {}, signal);
    },
    async dropCache(namespace, signal) {
      await client.call("POST", "/drop_cache", { cache_namespace: namespace }, signal);
    },
    async sleep(signal) {
      await client.call("POST", "/sleep", {}, signal);
    },
    async wake(signal) {
      await client.call("POST", "/wake", {}, signal);
    },
    async flush(signal) {
      await client.call("POST", "/flush", {}, signal);
    },
  };
}
