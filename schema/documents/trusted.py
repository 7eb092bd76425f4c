"""Trusted documents: the only operations that may run (an allow list)."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSyntaxError,
    Node,
    OperationDefinitionNode,
    Visitor,
    parse,
    print_ast,
    visit,
)

from models.errors import ExpectedError
from schema.errors import AppSyncError

_TEXTS, _MANIFEST = (".graphql", ".gql"), ".json"
_APOLLO = "apollo-persisted-query-manifest"
# How `documentId` says what its number is; https://github.com/graphql/graphql-over-http calls it that.
_SHA256 = "sha256:"


class UntrustedDocumentError(AppSyncError):
    """The operation is not among those that this server runs."""

    def __init__(self) -> None:
        super().__init__(
            "This server runs only the operations of its list of trusted documents, and this is none of them; "
            "send one as it stands there, or let the operator add it to HOURBANK_TRUSTED_DOCUMENTS",
            error_type="UntrustedDocument",
        )


class TrustedDocumentsError(ExpectedError):
    """The list cannot be read; the message names file and line."""


@dataclass(frozen=True, slots=True)
class TrustedDocument:
    """One operation with the fragments that it uses.

    Args:
        text: the operation.
        place: where it was found, as file and line.
        ids: what clients may send instead of the text.
    """

    text: str
    place: str
    ids: tuple[str, ...]


class TrustedDocuments:
    """The operations that may run, however they are spaced, commented, or their fragments ordered.

    Args:
        documents: the operations.
    """

    def __init__(self, *documents: TrustedDocument) -> None:
        self.documents = documents
        self._texts = {name: one.text for one in documents for name in one.ids}
        self._known = frozenset(_normalized(parse(one.text, no_location=True)) for one in documents)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file, or every file in a folder.

        Args:
            path: GraphQL in `.graphql` or `.gql`, as Amplify generates it, or a manifest in `.json`: an object of
                texts by their ids, as Relay and graphql-code-generator write it, or Apollo's.

        Raises:
            TrustedDocumentsError: a file cannot be read, or is not valid.
        """
        endings = (*_TEXTS, _MANIFEST)
        try:
            inside = sorted(one for one in path.rglob("*") if one.suffix in endings) if path.is_dir() else [path]
            found = [document for file in inside for document in _read(file)]
        except (OSError, UnicodeDecodeError) as error:
            raise TrustedDocumentsError(f"The trusted documents in {path} cannot be read: {error}.") from error
        if not found:
            raise TrustedDocumentsError(f"There are no trusted documents in {path}.")
        return cls(*found)

    def text_of(self, name: str) -> str:
        """Return the text of the operation with an id.

        Raises:
            UntrustedDocumentError: there is none.
        """
        if (text := self._texts.get(name.removeprefix(_SHA256))) is None:
            raise UntrustedDocumentError
        return text

    def check(self, document: DocumentNode) -> None:
        """Check that a document is one of these.

        Raises:
            UntrustedDocumentError: it is not.
        """
        if _normalized(document) not in self._known:
            raise UntrustedDocumentError


def _normalized(document: DocumentNode) -> str:
    """Return a document's text without what makes no difference."""
    return "\n".join(sorted(print_ast(definition) for definition in document.definitions))


def _read(file: Path) -> list[TrustedDocument]:
    text = file.read_text(encoding="utf-8")
    return list(_in_manifest(file, text) if file.suffix == _MANIFEST else _in_text(file, text))


def _in_text(file: Path, text: str) -> Iterator[TrustedDocument]:
    """Yield each operation of a file together with the fragments that it spreads."""
    document = _parsed(text, file)
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    for operation in document.definitions:
        if isinstance(operation, FragmentDefinitionNode):
            continue
        place = f"{file}, line {operation.loc.start_token.line if operation.loc else 1}"
        if not isinstance(operation, OperationDefinitionNode):
            raise TrustedDocumentsError(f"{place}: trusted documents are operations and fragments only.")
        used: dict[str, FragmentDefinitionNode] = {}
        _add_spread(operation, fragments, used)
        whole = DocumentNode(definitions=(operation, *used.values()))
        printed = print_ast(whole)
        yield TrustedDocument(printed, place, (_hash(printed), _hash(_as_written(whole, text))))


def _add_spread(
    node: Node, fragments: dict[str, FragmentDefinitionNode], used: dict[str, FragmentDefinitionNode]
) -> None:
    """Add the fragments that a definition spreads, and those that these spread."""
    spreads = _Spreads()
    visit(node, spreads)
    for name in spreads.names:
        if name in fragments and name not in used:
            used[name] = fragments[name]
            _add_spread(fragments[name], fragments, used)


class _Spreads(Visitor):
    """Collects the names of spread fragments."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        self.names.append(node.name.value)


def _as_written(document: DocumentNode, text: str) -> str:
    return "\n\n".join(text[one.loc.start : one.loc.end] for one in document.definitions if one.loc)


def _in_manifest(file: Path, text: str) -> Iterator[TrustedDocument]:
    try:
        manifest = json.loads(text)
    except json.JSONDecodeError as error:
        raise TrustedDocumentsError(f"{file}, line {error.lineno}: {error.msg}.") from error
    for name, body in _entries(manifest, file):
        _parsed(body, file, f", document {name}")
        yield TrustedDocument(body, f"{file}, document {name}", (name.removeprefix(_SHA256), _hash(body)))


def _entries(manifest: object, file: Path) -> list[tuple[str, str]]:
    """Return the ids and texts of a manifest."""
    match manifest:
        case {"format": format_, "operations": list(operations)} if format_ == _APOLLO:
            found = [(one.get("id"), one.get("body")) for one in operations if isinstance(one, dict)]
        case dict():
            found = list(manifest.items())
        case _:
            found = []
    texts = [(name, body) for name, body in found if isinstance(name, str) and isinstance(body, str)]
    if not texts or len(texts) < len(found):
        raise TrustedDocumentsError(
            f"{file}, line 1: a manifest is an object of texts by their ids, or Apollo's {_APOLLO}."
        )
    return texts


def _parsed(text: str, file: Path, part: str = "") -> DocumentNode:
    try:
        return parse(text)
    except GraphQLSyntaxError as error:
        line = error.locations[0].line if error.locations else 1
        raise TrustedDocumentsError(f"{file}{part}, line {line}: {error.message}") from error


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
