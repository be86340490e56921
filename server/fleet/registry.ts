/** The workers by id and url. Ids are unique, and so are urls; the number is bounded (I7). */
import { PacelineError } from "../contract/errors.ts";
import type { EngineKind } from "../contract/worker.ts";
import { LIMITS } from "../limits.ts";
import type { Worker } from "./worker.ts";

export interface Registry<W extends { readonly worker: Worker }> {
  readonly size: number;
  find(id: string): W | null;
  /** Throws `not_found`. */
  get(id: string): W;
  byUrl(url: string): W | null;
  all(): Iterable<W>;
  add(member: W): void;
  delete(member: W): void;
  mintId(kind: EngineKind): string;
  /** The worker lost for longest, if any: the one to forget when there is no room. */
  longestLost(): W | null;
}

export function createRegistry<W extends { readonly worker: Worker }>(): Registry<W> {
  const byId = new Map<string, W>();
  const byUrl = new Map<string, W>();
  let minted = 0;

  return {
    get size() {
      return byId.size;
    },
    find: (id) => byId.get(id) ?? null,
    get(id) {
      const found = byId.get(id);
      if (found) return found;
      throw new PacelineError("not_found", `no worker is called ${id}`, {
        details: { worker: id },
      });
    },
    byUrl: (url) => byUrl.get(url) ?? null,
    all: () => byId.values(),
    add(member) {
      byId.set(member.worker.id, member);
      byUrl.set(member.worker.url, member);
    },
    delete(member) {
      const { id, url } = member.worker;
      if (byId.get(id) === member) byId.delete(id);
      if (byUrl.get(url) === member) byUrl.delete(url);
    },
    mintId(kind) {
      do minted++;
      while (byId.has(`${kind}-${minted}`));
      return `${kind}-${minted}`;
    },
    longestLost() {
      let longest: W | null = null;
      for (const member of byId.values()) {
        if (member.worker.state !== "lost") continue;
        if (longest === null || member.worker.lostAt < longest.worker.lostAt) longest = member;
      }
      return longest;
    },
  };
}

const ID = new RegExp(`^[A-Za-z0-9._:-]{1,${LIMITS.idChars}}$`);

/** Throws `invalid_argument`. One url has one spelling, since urls identify workers. */
export function checkedUrl(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null || !/^(http|grpc)s?:$/.test(parsed.protocol)) {
    throw new PacelineError("invalid_argument", `neither an http nor a grpc url: ${url}`, {
      details: { path: "url" },
    });
  }
  return parsed.href.replace(/\/+$/, "");
}

/** Throws `invalid_argument`. */
export function checkedId(id: string): string {
  if (ID.test(id)) return id;
  throw new PacelineError("invalid_argument", "a worker's id is 1 to 128 of [A-Za-z0-9._:-]", {
    details: { path: "id" },
  });
}
