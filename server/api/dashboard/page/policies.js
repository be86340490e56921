/** The policies and their latest versions: which is committed, and how many workers hold each. */
import { moment } from "./format.js";
import { html } from "./html.js";

/** @typedef {import("../overview.ts").OverviewPolicy} OverviewPolicy */

/** @param {{policies: readonly OverviewPolicy[], workers: number}} props */
export function Policies({ policies, workers }) {
  return html`
    <section class="panel">
      <h2>Policies</h2>
      ${policies.length === 0 && html`<p class="empty">No policy is declared yet.</p>`}
      ${policies.map((policy) => html`<${Policy} key=${policy.policy} policy=${policy} workers=${workers} />`)}
    </section>
  `;
}

/** @param {{policy: OverviewPolicy, workers: number}} props */
function Policy({ policy, workers }) {
  const { committed_version: committed } = policy;
  return html`
    <article data-policy=${policy.policy}>
      <h3>
        ${policy.policy}
        <span class="committed">${committed === null ? "nothing committed" : `v${committed} committed`}</span>
        ${policy.run !== null && html`<span class="quiet run">run ${policy.run.run}, epoch ${policy.run.epoch}</span>`}
        <span class="quiet">on update: ${policy.on_update}</span>
      </h3>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Version</th>
              <th scope="col">State</th>
              <th scope="col">Label</th>
              <th scope="col" class="number">Held by</th>
              <th scope="col">Digest</th>
              <th scope="col" class="number">Published</th>
            </tr>
          </thead>
          <tbody>
            ${policy.versions.map(
              (one) => html`
                <tr key=${one.version} class=${one.version === committed ? "current" : ""}>
                  <th scope="row">v${one.version}</th>
                  <td><span class="state"><i class="pip ${one.state}"></i>${one.state}</span></td>
                  <td>${one.label === null ? html`<span class="quiet">–</span>` : `${one.label.run}, step ${one.label.step}`}</td>
                  <td class="number">${one.holders}<span class="quiet inline"> of ${workers}</span></td>
                  <td><code title=${one.digest ?? "moved by others"}>${one.digest?.slice(0, 10) ?? "–"}</code></td>
                  <td class="number">${moment(one.created_at_ms)}</td>
                </tr>
              `,
            )}
          </tbody>
        </table>
      </div>
    </article>
  `;
}
