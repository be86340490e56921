/** Of two drawn at random the one with fewer requests (Mitzenmacher 2001; `power_of_two` of vLLM's and SGLang's routers). */
import type { Random } from "../../contract/clock.ts";
import type { Place } from "./books.ts";
import type { Rule } from "./rule.ts";

export function powerOfTwo(random: Random): Rule {
  const draw = (places: readonly [Place, ...Place[]]): Place =>
    places[random.u32() % places.length] ?? places[0];
  return {
    pick(_, places) {
      const [one, other] = [draw(places), draw(places)];
      return other.running < one.running ? other : one;
    },
  };
}
