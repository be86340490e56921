/** LoRA adapters that an engine has loaded: few at once, least recently used first out, never one in use. */
export class AdapterSlots {
  readonly #slots: number;
  readonly #loadSeconds: number;
  /** Users of each; insertion order is order of use. */
  readonly #loaded = new Map<string, number>();
  loads = 0;

  constructor({ slots, loadSeconds }: { readonly slots: number; readonly loadSeconds: number }) {
    this.#slots = slots;
    this.#loadSeconds = loadSeconds;
  }

  /** Seconds until it is loaded; null: all slots are in use by others. */
  use(adapter: string): number | null {
    const users = this.#loaded.get(adapter);
    if (users !== undefined) {
      this.#loaded.delete(adapter);
      this.#loaded.set(adapter, users + 1);
      return 0;
    }
    if (this.#loaded.size >= this.#slots && !this.#evict()) return null;
    this.#loaded.set(adapter, 1);
    this.loads++;
    return this.#loadSeconds;
  }

  release(adapter: string): void {
    this.#loaded.set(adapter, Math.max(0, (this.#loaded.get(adapter) ?? 0) - 1));
  }

  #evict(): boolean {
    for (const [adapter, users] of this.#loaded) {
      if (users > 0) continue;
      this.#loaded.delete(adapter);
      return true;
    }
    return false;
  }
}
