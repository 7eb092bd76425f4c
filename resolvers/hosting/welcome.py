"""The message that a local server prints once it is ready."""

from rich.console import Console

from resolvers.hosting.demo_data import DEMO_MEMBERS, DEMO_PASSWORD
from resolvers.hosting.listener import Listener


def print_welcome(console: Console, listener: Listener, token: str) -> None:
    """Print the addresses, the demo members, and a token to start with."""
    console.print(f"\n[bold green]HourBank is ready.[/]  [bold]{listener.url}/graphql[/]  GraphiQL, in a browser")
    console.print(f"  health      {listener.url}/readyz")
    if listener.certificate:
        console.print(f"  trust       {listener.certificate.authority}", soft_wrap=True)
    names = ", ".join(member.username for member in DEMO_MEMBERS)
    console.print(f"  members     {names}; password in an app: {DEMO_PASSWORD}")
    console.print(f"  for an app  python server.py amplify-config{' --tls' if listener.certificate else ''}")
    console.print("              lets it sign users up and in; their codes appear here")
    console.print("  stop        Ctrl-C; what was done is kept")
    # Not wrapped, so that it can be copied.
    console.print(f"\n[dim]As alice:[/]\nAuthorization: {token}\n", soft_wrap=True)
