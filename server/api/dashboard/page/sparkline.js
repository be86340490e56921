/** A line of the last two minutes, filled below, its own highest value on top. */
import { html } from "./html.js";

const WIDTH = 240;
const HEIGHT = 44;
/** Room for the line's own width at the edges. */
const INSET = 2;

/** @param {{values: readonly number[], samples: number, label: string}} props */
export function Sparkline({ values, samples, label }) {
  const top = Math.max(1, ...values);
  const step = WIDTH / Math.max(1, samples - 1);
  const left = WIDTH - step * (values.length - 1);
  const line = values
    .map((value, i) => {
      const y = HEIGHT - INSET - (value / top) * (HEIGHT - 2 * INSET);
      return `${(left + i * step).toFixed(1)},${y.toFixed(1)}`;
    })
    .join(" L");
  return html`
    <svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${label}>
      <line class="floor" x1="0" x2=${WIDTH} y1=${HEIGHT - INSET} y2=${HEIGHT - INSET} />
      ${
        values.length > 1 &&
        html`
          <path class="area" d="M${left.toFixed(1)},${HEIGHT} L${line} L${WIDTH},${HEIGHT} Z" />
          <path class="line" d="M${line}" />
        `
      }
    </svg>
  `;
}
