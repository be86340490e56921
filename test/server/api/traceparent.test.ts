import assert from "node:assert/strict";
import { test } from "node:test";
import { traceparentOf } from "../../../server/api/traceparent.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

test("a trace context that is one is passed on, any other is none", () => {
  const good = [
    `00-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-00`,
    `01-${TRACE}-${SPAN}-01-what-comes-later`,
  ];
  for (const header of good) assert.equal(traceparentOf(header), header);
  const bad = [
    undefined,
    ["00"],
    "",
    `ff-${TRACE}-${SPAN}-01`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE}-${SPAN}-01x`,
    `00-${TRACE}-${SPAN}-01\r\nx: y`,
    `01-${TRACE}-${SPAN}-01-${"y".repeat(200)}`,
  ];
  for (const header of bad) assert.equal(traceparentOf(header), null, String(header));
});
