import { Generations } from "../generations.ts";
import type { Place } from "./books.ts";

/** Where something was put, as long as it may go there again; bounded. */
export class Remembered {
  readonly #places: Generations<string, Place>;

  constructor(limit: number) {
    this.#places = new Generations(limit);
  }

  /** Null where it is not known or not among `places`. */
  place(key: string, places: readonly Place[]): Place | null {
    const place = this.#places.get(key);
    return place !== undefined && places.includes(place) ? place : null;
  }

  set(key: string, place: Place): void {
    this.#places.set(key, place);
  }

  delete(key: string): void {
    this.#places.delete(key);
  }
}
