"""What is wrong in the files of a schema, each with its place."""

from collections.abc import Iterable

from graphql import GraphQLError, Node

from models.errors import ExpectedError


class SchemaFileError(ExpectedError):
    """A schema cannot be served as it is written; the text has a line for each problem.

    Args:
        problems: each problem, with its file and line.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def problem(node: Node, message: str) -> str:
    """Return a message with the place of what it is about: `schema.graphql:12: …`."""
    if node.loc is None:
        return message
    return f"{node.loc.source.name}:{node.loc.start_token.line}: {message}"


def refusal(node: Node, message: str) -> SchemaFileError:
    """Return the error for one problem."""
    return SchemaFileError([problem(node, message)])


def problem_of(error: GraphQLError) -> str:
    """Return a problem that graphql-core found, with its place."""
    if error.nodes:
        return problem(error.nodes[0], error.message)
    if error.source and error.locations:
        return f"{error.source.name}:{error.locations[0].line}: {error.message}"
    return error.message
