/** The four figures at the top, with two minutes of history where there is one. */
import { count, rate } from "./format.js";
import { html } from "./html.js";
import { Sparkline } from "./sparkline.js";

/** @typedef {import("../overview.ts").Overview} Overview */

/** Samples in a full history. */
const SAMPLES = 120;

/** @param {{overview: Overview}} props */
export function Figures({ overview }) {
  const { workers, history } = overview;
  const ready = workers.filter(({ state }) => state === "ready").length;
  return html`
    <section class="figures" aria-label="Fleet">
      <${Figure} name="Tokens per second" value=${rate(overview.tokens_per_second)} values=${history.tokens_per_second} />
      <${Figure} name="Rollouts running" value=${count(overview.running)} values=${history.running} />
      <${Figure} name="Rollouts waiting" value=${count(overview.waiting)} values=${history.waiting} />
      <div class="figure">
        <h2>Workers ready</h2>
        <p class="value" data-figure="Workers ready">${count(ready)}<span class="of"> of ${count(workers.length)}</span></p>
        <ul class="fleet" aria-hidden="true">
          ${workers.map(({ id, state }) => html`<li key=${id} class="pip ${state}" title="${id}: ${state}"></li>`)}
        </ul>
      </div>
    </section>
  `;
}

/** @param {{name: string, value: string, values: readonly number[]}} props */
function Figure({ name, value, values }) {
  return html`
    <div class="figure">
      <h2>${name}</h2>
      <p class="value" data-figure=${name}>${value}</p>
      <${Sparkline} values=${values} samples=${SAMPLES} label="${name}, last two minutes, at most ${rate(Math.max(0, ...values))}" />
    </div>
  `;
}
