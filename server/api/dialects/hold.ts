/** Calls that wait at a mount until its engines stand still: a pause holds requests, it does not fail them. */
export class Hold {
  #gate: PromiseWithResolvers<void> | null = null;

  close(): void {
    this.#gate ??= Promise.withResolvers();
  }

  open(): void {
    this.#gate?.resolve();
    this.#gate = null;
  }

  /** Resolves at once unless closed. */
  async pass(): Promise<void> {
    while (this.#gate !== null) await this.#gate.promise;
  }
}
