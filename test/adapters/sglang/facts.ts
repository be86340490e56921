/** What an SGLang server of 2,048 ids and a context of 2,048 is like; tests change what they are about. */
import type { Facts } from "../../../adapters/sglang/facts.ts";

export const factsOf = (more: Partial<Facts> = {}): Facts => ({
  contextLength: 2_048,
  promptLimit: 2_042,
  vocabSize: 2_048,
  slots: 1,
  deterministic: false,
  lowPriorityFirst: null,
  incremental: true,
  streamInterval: true,
  maskTokens: 4_096,
  experts: false,
  memorySaver: false,
  adapters: 0,
  logprobMode: "tempered",
  tellsVersions: true,
  eosTokenIds: [2],
  checksums: true,
  build: "",
  ...more,
});
