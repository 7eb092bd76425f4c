"""Builds GraphiQL's files from npm packages: `python -m schema.graphiql.vendor`, needs node and npm.

`source/package-lock.json` pins the packages by version and hash, `MANIFEST.json` the files built from them.
The files are in the repository, so that neither starting the server nor opening the page needs another host.
"""

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schema.graphiql import ASSETS, MANIFEST

HERE = Path(__file__).parent
SOURCE = HERE / "source"

_ENTRIES = {
    "main": "main.jsx",
    "editor.worker": "node_modules/monaco-editor/esm/vs/editor/editor.worker.js",
    "json.worker": "node_modules/monaco-editor/esm/vs/language/json/json.worker.js",
    "graphql.worker": "node_modules/monaco-graphql/esm/graphql.worker.js",
}
_OPTIONS = (
    "--bundle",
    "--minify",
    "--format=esm",
    "--target=es2022",
    "--jsx=automatic",
    "--legal-comments=none",  # LICENSES.txt has them all
    "--loader:.ttf=file",
    '--define:process.env.NODE_ENV="production"',
    "--entry-names=[name]-[hash]",
    "--asset-names=[name]-[hash]",
    "--metafile=meta.json",
    "--outdir=out",
)
# Fonts that the style sheets embed without their licences: these packages are only read for those.
_FONTS = ("@fontsource/fira-code", "@fontsource/roboto", "@vscode/codicons")


def build() -> None:
    """Install the locked packages in a temporary folder, bundle them, and replace `assets/`.

    Raises:
        subprocess.CalledProcessError: npm or the bundler failed; `assets/` is unchanged.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "source"
        shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("node_modules"))
        _run(folder, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        entries = [f"{name}={path}" for name, path in _ENTRIES.items()]
        _run(folder, "node_modules/.bin/esbuild", *entries, *_OPTIONS)
        meta = json.loads((folder / "meta.json").read_text())
        packages = sorted(_packages(folder, meta))
        _replace(folder / "out", _manifest(folder, meta, packages), _licences(folder, packages))


def _run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True)  # noqa: S603 — arguments of our own


def _packages(folder: Path, meta: dict[str, Any]) -> set[str]:
    """Return the packages whose files went into the bundles."""
    return {
        str(root)
        for path in meta["inputs"]
        if path.startswith("node_modules/") and (root := _package_root(folder, path))
    }


def _package_root(folder: Path, path: str) -> Path | None:
    return next((parent for parent in Path(path).parents if _package_json(folder / parent)), None)


def _package_json(folder: Path) -> dict[str, Any]:
    """Return a package's package.json; a folder inside one may have another that only names a module format."""
    path = folder / "package.json"
    content: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return content if "version" in content else {}


def _manifest(folder: Path, meta: dict[str, Any], packages: list[str]) -> dict[str, Any]:
    outputs = {Path(path).name: output for path, output in meta["outputs"].items()}
    described = [_package_json(folder / root) for root in packages]
    return {
        "entries": dict(sorted(_entries(outputs))),
        "sha256": {
            name: hashlib.sha256((folder / "out" / name).read_bytes()).hexdigest() for name in sorted(outputs)
        },
        "packages": [f"{package['name']}@{package['version']}" for package in described],
    }


def _entries(outputs: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the name by which the page knows a file, and the file's own name with its hash."""
    for name, output in outputs.items():
        if "entryPoint" in output:
            yield name.rsplit("-", 1)[0], name
        if "cssBundle" in output:
            yield "style", Path(output["cssBundle"]).name


def _licences(folder: Path, packages: list[str]) -> str:
    roots = [*packages, *(f"node_modules/{name}" for name in _FONTS)]
    return "\n".join(_licence(folder / root) for root in roots)


def _licence(root: Path) -> str:
    package = _package_json(root)
    patterns = ("LICEN[SC]E*", "NOTICE*", "ThirdPartyNotices*")
    texts = [path.read_text().strip() for pattern in patterns for path in sorted(root.glob(pattern))]
    title = f"{package['name']} {package['version']} ({package.get('license', 'see below')})"
    return "\n\n".join([title, "-" * len(title), *texts, ""])


def _replace(out: Path, manifest: dict[str, Any], licences: str) -> None:
    shutil.rmtree(ASSETS, ignore_errors=True)
    shutil.copytree(out, ASSETS)
    MANIFEST.write_text(json.dumps(manifest, indent=2) + "\n")
    (HERE / "LICENSES.txt").write_text(licences)


if __name__ == "__main__":
    build()
