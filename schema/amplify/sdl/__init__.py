"""Imports other people's Amplify schemas: from the text of a schema.graphql to plain declarations of its types.

`importing` leads through it: `project` finds the files and flags, `reading` parses and checks them, `models` and
`roots` take down what is written, `desugar` adds what Amplify implies, and `rules` reads what rules.graphql adds.
Nothing here makes tables or GraphQL types.
"""
