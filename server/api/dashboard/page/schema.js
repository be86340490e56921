/** JSON schemas as people read them: a type in words, and the fields of each named one. */
import { html } from "./html.js";

/**
 * What this page reads of a schema.
 * @typedef {object} Schema
 * @property {string} [$ref]
 * @property {string | string[]} [type]
 * @property {unknown[]} [enum]
 * @property {unknown} [const]
 * @property {Schema[]} [oneOf]
 * @property {Schema[]} [anyOf]
 * @property {Schema} [items]
 * @property {Record<string, Schema>} [properties]
 * @property {string[]} [required]
 * @property {boolean | Schema} [additionalProperties]
 * @property {string} [description]
 * @property {unknown} [default]
 * @property {number} [minimum]
 * @property {number} [maximum]
 * @property {number} [minItems]
 * @property {number} [maxItems]
 * @property {number} [maxLength]
 */

const BOUNDS = /** @type {const} */ ([
  ["minimum", "from"],
  ["maximum", "to"],
  ["minItems", "at least"],
  ["maxItems", "at most"],
  ["maxLength", "characters, at most"],
]);

/** Bounds that JSON's own numbers have anyway say nothing. @param {Schema} schema */
function boundsOf(schema) {
  const said = BOUNDS.flatMap(([key, word]) => {
    const value = schema[key];
    return value === undefined || Math.abs(value) >= Number.MAX_SAFE_INTEGER
      ? []
      : [`${word} ${value.toLocaleString("en")}`];
  });
  if (schema.default !== undefined) said.push(`default ${JSON.stringify(schema.default)}`);
  return said.join(", ");
}

/** @param {{ schema: Schema }} props */
export function TypeOf({ schema }) {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split("/").at(-1);
    return html`<a href="#schema-${name}">${name}</a>`;
  }
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices !== undefined) {
    return choices.map((one, at) => html`${at > 0 && " or "}<${TypeOf} schema=${one} />`);
  }
  if (schema.enum !== undefined) return schema.enum.map((one) => JSON.stringify(one)).join(" or ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.items !== undefined) return html`array of <${TypeOf} schema=${schema.items} />`;
  if (schema.properties !== undefined) return html`<${Fields} schema=${schema} />`;
  if (typeof schema.additionalProperties === "object") {
    return html`map to <${TypeOf} schema=${schema.additionalProperties} />`;
  }
  return [schema.type ?? "any"].flat().join(" or ");
}

/** @param {{ schema: Schema }} props */
function Fields({ schema: { properties = {}, required = [] } }) {
  return html`
    <ul class="fields">
      ${Object.entries(properties).map(
        ([name, field]) => html`
          <li>
            <code>${name}</code>${required.includes(name) && html`<i class="must">required</i>`}
            <span> <${TypeOf} schema=${field} /> </span>
            <small>${boundsOf(field)} ${field.description}</small>
          </li>
        `,
      )}
    </ul>
  `;
}

/** @param {{ schemas: Record<string, Schema> }} props */
export function Schemas({ schemas }) {
  return html`
    <section>
      <h2>Schemas</h2>
      ${Object.entries(schemas).map(
        ([name, schema]) => html`
          <section id="schema-${name}" data-schema=${name}>
            <h3>${name}</h3>
            <${TypeOf} schema=${schema} />
          </section>
        `,
      )}
    </section>
  `;
}
