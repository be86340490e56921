/** To whoever has the fewest requests in flight (HAProxy `leastconn`; verl's `LeastRequests`). The first of several. */
import { least, type Rule } from "./rule.ts";

export const leastRequests = (): Rule => ({
  pick: (_, places) => least(places, ({ running }) => running),
});
