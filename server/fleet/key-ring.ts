/** The keys that one engine asks for, kept apart from its registration, which is told to whoever may look. */
import type { EngineKeys } from "../../adapters/engine.ts";
import type { Registration } from "./fleet.ts";

/** A registration without its keys. */
export type Told = Omit<Registration, "apiKey" | "adminApiKey">;

export class KeyRing implements EngineKeys {
  #api: string | null;
  #admin: string | null;

  constructor(api: string | null = null, admin: string | null = null) {
    this.#api = api;
    this.#admin = admin;
  }

  get api(): string | null {
    return this.#api;
  }

  get admin(): string | null {
    return this.#admin;
  }

  /** What another registration brought; one that brings none leaves these. */
  take({ api, admin }: EngineKeys): void {
    if (api === null && admin === null) return;
    this.#api = api;
    this.#admin = admin;
  }
}
