"""Lists of trusted documents: what is read from them, and which documents they allow."""

import hashlib
import json
from pathlib import Path

import pytest
from graphql import parse

from schema.documents.trusted import TrustedDocuments, TrustedDocumentsError, UntrustedDocumentError

LISTED = (
    "query A { listServices { items { ...S } } }\n\n"
    "fragment S on Service { id ...T }\n\n"
    "fragment T on Service { title }"
)
OTHER = "query B {\n  listUsers {\n    items {\n      id\n    }\n  }\n}"


def loaded(tmp_path: Path, **files: str) -> TrustedDocuments:
    """Return what is read from a folder of files, whose names have `_` for the dot."""
    for name, text in files.items():
        (tmp_path / name.replace("_", ".")).write_text(text)
    return TrustedDocuments.load(tmp_path)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def is_allowed(trusted: TrustedDocuments, text: str) -> bool:
    try:
        trusted.check(parse(text))
    except UntrustedDocumentError:
        return False
    return True


def test_an_operation_stands_with_the_fragments_that_it_uses(tmp_path: Path) -> None:
    trusted = loaded(tmp_path, app_graphql=f"{LISTED}\n{OTHER}\nfragment Unused on User {{ id }}")
    operation, one, two = LISTED.split("\n\n")
    assert is_allowed(trusted, LISTED)
    assert is_allowed(trusted, f"{two} {one} # in another order\n {operation}")
    assert is_allowed(trusted, OTHER)
    assert not is_allowed(trusted, f"{LISTED} {OTHER}")
    assert not is_allowed(trusted, f"{operation} {one}")
    assert not is_allowed(trusted, f"{OTHER} fragment Unused on User {{ id }}")


@pytest.mark.parametrize("name", ["a_graphql", "b_gql", "deep_json"])
def test_a_folder_is_read_whatever_form_its_files_have(tmp_path: Path, name: str) -> None:
    text = json.dumps({"x": OTHER}) if name == "deep_json" else OTHER
    assert is_allowed(loaded(tmp_path, **{name: text, "readme_md": "{"}), OTHER)


def test_ids_of_manifests_and_hashes_name_a_document(tmp_path: Path) -> None:
    apollo = {
        "format": "apollo-persisted-query-manifest",
        "version": 1,
        "operations": [{"id": "from-apollo", "name": "B", "type": "query", "body": OTHER}],
    }
    trusted = loaded(tmp_path, one_json=json.dumps({"sha256:relay": LISTED}), two_json=json.dumps(apollo))
    assert trusted.text_of("relay") == trusted.text_of("sha256:relay") == LISTED
    assert trusted.text_of("from-apollo") == trusted.text_of(sha256(OTHER)) == OTHER
    for unknown in ("", "relay ", sha256("{ x }"), "sha256:", "__proto__"):
        with pytest.raises(UntrustedDocumentError):
            trusted.text_of(unknown)


def test_the_hash_is_of_the_text_as_written_or_as_printed(tmp_path: Path) -> None:
    written = "query B { listUsers { items { id } } }"
    trusted = loaded(tmp_path, app_graphql=written)
    assert trusted.text_of(sha256(written)) == trusted.text_of(sha256(OTHER)) == OTHER


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a_graphql", "query A {\n\n  (\n}", r"a\.graphql, line 3: Syntax Error"),
        ("a_graphql", "\ntype Query { a: Int }", r"a\.graphql, line 2: .* operations and fragments only"),
        ("a_json", "{\n\n", r"a\.json, line 3"),
        ("a_json", "{}", r"a\.json, line 1: a manifest is"),
        ("a_json", '{"a": 1}', r"a\.json, line 1: a manifest is"),
        ("a_json", '{"a": "{\\n("}', r"a\.json, document a, line 2"),
        ("a_txt", "", "There are no trusted documents"),
    ],
)
def test_what_is_wrong_with_a_list_is_said_with_file_and_line(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    with pytest.raises(TrustedDocumentsError, match=said):
        loaded(tmp_path, **{name: text})


def test_a_list_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrustedDocumentsError, match="cannot be read"):
        TrustedDocuments.load(tmp_path / "nothing.graphql")
    (tmp_path / "x.graphql").write_bytes(b"\xff")
    with pytest.raises(TrustedDocumentsError, match="cannot be read"):
        TrustedDocuments.load(tmp_path)
