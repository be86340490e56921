/** The page of `/openapi.json`: each call with what it takes and answers, each schema with its fields. */
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { html } from "./html.js";
import { Schemas, TypeOf } from "./schema.js";

/** @typedef {import("./schema.js").Schema} Schema */

/**
 * What this page reads of an operation.
 * @typedef {object} Operation
 * @property {string} operationId
 * @property {string} summary
 * @property {string} x-scope
 * @property {boolean} x-served
 * @property {{ name: string, in: string, description?: string }[]} parameters
 * @property {{ content: Content }} [requestBody]
 * @property {Record<string, { description: string, content: Content }>} responses
 */

/** @typedef {Record<string, { schema: Schema }>} Content by media type */

/**
 * @typedef {object} Document
 * @property {{ title: string, version: string, description: string }} info
 * @property {Record<string, Record<string, Operation>>} paths
 * @property {{ schemas: Record<string, Schema> }} components
 */

/** @param {{ content: Content }} props */
function Bodies({ content }) {
  return Object.entries(content).map(
    ([media, { schema }]) => html`
      <p><code>${media}</code> ${Object.keys(schema).length > 0 && html`<${TypeOf} schema=${schema} />`}</p>
    `,
  );
}

/** @param {{ method: string, path: string, operation: Operation }} props */
function Call({ method, path, operation }) {
  const { operationId, summary, parameters, requestBody, responses } = operation;
  return html`
    <details id=${operationId} data-call=${operationId}>
      <summary>
        <b class="method ${method}">${method.toUpperCase()}</b>
        <code>${path}</code>
        <span>${summary}</span>
        <i class="scope">${operation["x-served"] ? operation["x-scope"] : "not served"}</i>
      </summary>
      ${
        parameters.length > 0 &&
        html`
          <h4>Parameters</h4>
          ${parameters.map(
            ({ name, in: where, description }) =>
              html`<p><code>${name}</code> in ${where}. ${description}</p>`,
          )}
        `
      }
      ${requestBody && html`<h4>Body</h4><${Bodies} content=${requestBody.content} />`}
      ${Object.entries(responses).map(
        ([status, { content }]) => html`<h4>${status}</h4><${Bodies} content=${content} />`,
      )}
    </details>
  `;
}

/** The part of a path that groups calls: `rollouts` of `/v1/rollouts/{id}`. @param {string} path */
const subjectOf = (path) => /^\/v1\/(\w+)/.exec(path)?.[1] ?? "server";

/** @param {{ document: Document }} props */
function Reference({ document: { info, paths, components } }) {
  const calls = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const subjects = Map.groupBy(calls, ({ path }) => subjectOf(path));
  return html`
    <p>
      ${info.description} The word at the right is the scope of the token that a call asks for
      (<code>Authorization: Bearer …</code>) where the server has tokens.
    </p>
    <main>
      ${[...subjects].map(
        ([subject, own]) => html`
          <section>
            <h2>${subject}</h2>
            ${own.map((call) => html`<${Call} ...${call} />`)}
          </section>
        `,
      )}
      <${Schemas} schemas=${components.schemas} />
    </main>
  `;
}

function Page() {
  const [found, setFound] = useState(
    /** @type {{ document: Document | null, problem: string | null }} */ ({
      document: null,
      problem: null,
    }),
  );
  useEffect(() => {
    fetch("/openapi.json")
      .then(async (reply) => {
        if (!reply.ok) throw new Error(`status ${reply.status}`);
        setFound({ document: await reply.json(), problem: null });
      })
      .catch((error) => setFound({ document: null, problem: String(error) }));
  }, []);
  return html`
    <header>
      <h1>
        <img src="/page/icon.svg" alt="" width="26" height="26" />
        Paceline ${found.document?.info.version}
      </h1>
      <p class="pulse"><a href="/">live page</a></p>
    </header>
    ${found.problem !== null && html`<p class="problem" role="alert">No description: ${found.problem}.</p>`}
    ${found.document !== null && html`<${Reference} document=${found.document} />`}
    <footer><a href="/openapi.json">openapi.json</a></footer>
  `;
}

render(html`<${Page} />`, document.body);
