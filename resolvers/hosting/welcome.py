"""The message that a local server prints once it is ready."""

from collections.abc import Iterable

from rich.console import Console

from resolvers.hosting.demo_data import DEMO_PASSWORD
from resolvers.hosting.listener import Listener


def print_welcome(
    console: Console,
    app: str,
    callers: Iterable[str],
    options: str,
    listener: Listener,
    token: str,
    key: str | None = None,
) -> None:
    """Print the addresses, the demo callers, and a token to start with.

    Args:
        console: where it is printed.
        app: the app's name.
        callers: the names of the demo callers.
        options: what follows commands that are about this app, such as " --schema schema.graphql".
        listener: where the server listens.
        token: alice's.
        key: the key of applications; None if the app's rules admit none.
    """
    console.print(f"\n[bold green]{app} is ready.[/]  [bold]{listener.url}/graphql[/]  GraphiQL, in a browser")
    console.print(f"  health      {listener.url}/readyz")
    if listener.certificate:
        console.print(f"  trust       {listener.certificate.authority}", soft_wrap=True)
    console.print(f"  members     {', '.join(callers)}; password in an app: {DEMO_PASSWORD}")
    if key is not None:
        console.print(f"  API key     {key}, in the header x-api-key")
    options += " --tls" if listener.certificate else ""
    console.print(f"  for an app  python server.py amplify-config{options}", soft_wrap=True)
    console.print("              lets it sign users up and in; their codes appear here")
    console.print("  stop        Ctrl-C; what was done is kept")
    # Not wrapped, so that it can be copied.
    console.print(f"\n[dim]As alice:[/]\nAuthorization: {token}\n", soft_wrap=True)
