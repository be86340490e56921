/** The reader's token: asked for when the server wants one, kept for this tab only. */
import { html } from "./html.js";

const KEY = "paceline-token";

/** @returns {Record<string, string>} */
export function tokenHeaders() {
  const token = sessionStorage.getItem(KEY);
  return token === null ? {} : { authorization: `Bearer ${token}` };
}

/** @param {{ reason: string, given: () => void }} props `given` is called once there is a token to try */
export function TokenForm({ reason, given }) {
  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    if (!(form instanceof HTMLFormElement)) return;
    const token = new FormData(form).get("token");
    if (typeof token !== "string" || token.trim() === "") return;
    sessionStorage.setItem(KEY, token.trim());
    given();
  };
  return html`
    <form class="token" onSubmit=${submit}>
      <label for="token">This server asks for a token of scope read (${reason}).</label>
      <input id="token" name="token" type="password" autocomplete="off" required />
      <button>Look</button>
    </form>
  `;
}
