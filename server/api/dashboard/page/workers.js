/** The workers: what state each is in, what it holds, how full it is. */
import { count, percent, rate } from "./format.js";
import { html } from "./html.js";

/** @typedef {import("../overview.ts").OverviewWorker} OverviewWorker */

/** @param {{workers: readonly OverviewWorker[]}} props */
export function Workers({ workers }) {
  return html`
    <section class="panel">
      <h2>Workers</h2>
      ${
        workers.length === 0
          ? html`<p class="empty">No worker has registered yet. Start one with <code>paceline worker</code>.</p>`
          : html`<${WorkerTable} workers=${workers} />`
      }
    </section>
  `;
}

/** @param {{workers: readonly OverviewWorker[]}} props */
function WorkerTable({ workers }) {
  return html`
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Worker</th>
            <th scope="col">State</th>
            <th scope="col">Holds</th>
            <th scope="col" class="number">Running</th>
            <th scope="col" class="number">Waiting</th>
            <th scope="col" class="wide">KV cache</th>
            <th scope="col" class="number">Tokens/s</th>
          </tr>
        </thead>
        <tbody>
          ${workers.map((worker) => html`<${WorkerRow} key=${worker.id} worker=${worker} />`)}
        </tbody>
      </table>
    </div>
  `;
}

/** @param {{worker: OverviewWorker}} props */
function WorkerRow({ worker }) {
  const { kv_used_tokens: used, kv_total_tokens: total } = worker;
  return html`
    <tr data-worker=${worker.id}>
      <th scope="row">
        ${worker.id}
        <span class="quiet">${worker.engine} · ${worker.model}</span>
      </th>
      <td>
        <span class="state ${worker.state}"><i class="pip ${worker.state}"></i>${worker.state}</span>
        ${worker.reason !== null && html`<span class="quiet reason">${worker.reason}</span>`}
      </td>
      <td>
        ${worker.versions.length === 0 && html`<span class="quiet">nothing proven</span>`}
        ${worker.versions.map(
          ({ policy, version, proof }) => html`
            <span class="held" key=${policy}>${policy} <b>v${version}</b><span class="quiet">${proof}</span></span>
          `,
        )}
      </td>
      <td class="number">${count(worker.running)}</td>
      <td class="number">${count(worker.waiting)}</td>
      <td class="wide">
        <div class="kv" title="${count(used)} of ${count(total)} tokens">
          <span class="bar"><span style=${{ width: `${total > 0 ? (100 * used) / total : 0}%` }}></span></span>
          <span class="number">${percent(used, total)}</span>
        </div>
      </td>
      <td class="number">${rate(worker.tokens_per_second)}</td>
    </tr>
  `;
}
