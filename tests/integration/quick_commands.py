"""A folder in which `.venv/bin/python server.py …` begins at once, because it is forked.

Starting Python and importing the server takes seconds of CPU, which each of the runbooks' commands would need.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingUnixStreamServer
from threading import Thread

from tests.integration.conftest import REPOSITORY
from tests.integration.forked_commands import Command

# Of the standard library alone, so that it starts at once. A server is started as it is: signals reach it.
_CLIENT = """#!{python} -IS
import json, os, socket, sys
if sys.argv[1:2] != ["server.py"] or sys.argv[2:3] == ["serve"]:
    os.chdir({repository!r})
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
link = socket.socket(socket.AF_UNIX)
link.connect({address!r})
asked = {{"arguments": sys.argv[2:], "environment": dict(os.environ), "output": f"/proc/{{os.getpid()}}/fd/1"}}
link.sendall(json.dumps(asked).encode() + b"\\n")
sys.exit(int(link.makefile().readline()))
"""


class _Commands(StreamRequestHandler):
    def handle(self) -> None:
        """Run the command that a client asks for, and answer its exit code."""
        asked = json.loads(self.rfile.readline())
        output = Path(asked["output"])
        command = Command(*asked["arguments"], environment=asked["environment"], output=output).start()
        self.wfile.write(f"{command.exit_code()}\n".encode())


@contextmanager
def quick_commands(folder: Path) -> Iterator[Path]:
    """Make a folder's `.venv` one in which the server's commands begin at once, and yield the folder."""
    programs, address = folder / ".venv" / "bin", str(folder / "commands")
    programs.mkdir(parents=True)
    client = programs / "python"
    client.write_text(_CLIENT.format(python=sys.executable, repository=str(REPOSITORY), address=address))
    client.chmod(0o700)
    (programs / "aws").symlink_to(Path(sys.executable).with_name("aws"))
    with ThreadingUnixStreamServer(address, _Commands) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield folder
        finally:
            server.shutdown()
