/** The live page: figures, workers, policies, and a plain word when the server does not answer. */
import { render } from "preact";
import { Figures } from "./figures.js";
import { clockTime, duration } from "./format.js";
import { html } from "./html.js";
import { useOverview } from "./live.js";
import { Policies } from "./policies.js";
import { TokenForm } from "./token.js";
import { Workers } from "./workers.js";

function Page() {
  const { overview, problem, refused, retry, since } = useOverview();
  return html`
    <header>
      <h1>
        <img src="/page/icon.svg" alt="" width="26" height="26" />
        Paceline
      </h1>
      <p class="pulse ${problem === null ? "" : "lost"}">
        <i></i>
        ${
          problem !== null
            ? refused
              ? "locked"
              : "no answer"
            : overview === null
              ? "connecting"
              : `live · up ${duration(overview.uptime_ms)}`
        }
      </p>
    </header>
    ${refused && html`<${TokenForm} reason=${problem} given=${retry} />`}
    ${
      problem !== null &&
      !refused &&
      html`
        <p class="problem" role="alert">
          The server does not answer (${problem}).
          ${since !== null && ` What you see is from ${clockTime(since)}.`} Trying again every second.
        </p>
      `
    }
    ${
      overview !== null &&
      html`
        <main class=${problem === null ? "" : "stale"}>
          <${Figures} overview=${overview} />
          <${Workers} workers=${overview.workers} />
          <${Policies} policies=${overview.policies} workers=${overview.workers.length} />
        </main>
      `
    }
    <footer>
      <a href="/metrics">metrics</a><a href="/docs">calls</a><a href="/openapi.json">openapi.json</a><a href="/readyz">readyz</a>
    </footer>
  `;
}

render(html`<${Page} />`, document.body);
