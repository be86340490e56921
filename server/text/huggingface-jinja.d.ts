/** The part of `@huggingface/jinja` 0.5 that we call: its own typings do not resolve under nodenext. */
export class Template {
  constructor(source: string);
  render(variables: Readonly<Record<string, unknown>>): string;
}
