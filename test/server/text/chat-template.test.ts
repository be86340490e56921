import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { chatTemplateOf, tokenText } from "../../../server/text/chat-template.ts";

const MESSAGES = [{ role: "user", content: "hi" }];
const OPTIONS = { tools: null, addGenerationPrompt: true, variables: {} };
const TEMPLATE =
  "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}{% if tools %}{{ tools | length }}{% endif %}{{ extra }}";

suite("a chat template", () => {
  for (const [name, config, file, expected] of [
    [
      "of the config",
      { chat_template: TEMPLATE, bos_token: "<s>" },
      null,
      "<s>[user] hi[assistant]",
    ],
    [
      "its default among several",
      {
        chat_template: [
          { name: "rag", template: "no" },
          { name: "default", template: TEMPLATE },
        ],
      },
      null,
      "[user] hi[assistant]",
    ],
    ["its own file wins", { chat_template: "no" }, TEMPLATE, "[user] hi[assistant]"],
  ] as const) {
    test(name, () =>
      assert.equal(chatTemplateOf(config, file)?.render(MESSAGES, OPTIONS), expected),
    );
  }

  test("tools and variables of its own", () => {
    const template = chatTemplateOf({}, TEMPLATE);
    const options = { tools: [{}, {}], addGenerationPrompt: false, variables: { extra: "!" } };
    assert.equal(template?.render(MESSAGES, options), "[user] hi2!");
  });

  test("none", () => assert.equal(chatTemplateOf({}, null), null));

  for (const [name, source, code] of [
    ["cannot be read", "{% for", "unsupported"],
    ["refuses the messages", "{{ raise_exception('no system') }}", "invalid_argument"],
  ] as const) {
    test(`one that ${name}`, () => {
      const template = chatTemplateOf({}, source);
      assert.throws(() => template?.render(MESSAGES, OPTIONS), {
        code,
        details: { path: "messages" },
      });
    });
  }

  test("special tokens are text or objects", () => {
    assert.deepEqual(
      [tokenText("<s>"), tokenText({ content: "<s>" }), tokenText(null)],
      ["<s>", "<s>", ""],
    );
  });
});
