/** The operations that Amplify's code generator makes from the schema, by name, as text. */
import { readFileSync } from 'node:fs';
import { parse, print } from 'graphql';

const texts = ['queries', 'mutations', 'subscriptions'].map((kind) =>
  readFileSync(new URL(`../operations/${kind}.graphql`, import.meta.url), 'utf8'),
);

/** `operations.CreateService` is the text of `mutation CreateService(…) {…}`. */
export const operations = Object.fromEntries(
  texts.flatMap((text) => parse(text).definitions).map((definition) => [definition.name.value, print(definition)]),
);
