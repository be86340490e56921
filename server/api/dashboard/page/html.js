/** Tagged templates that make preact's elements: no build step stands between this file and the browser. */
import htm from "htm";
import { h } from "preact";

export const html = htm.bind(h);
