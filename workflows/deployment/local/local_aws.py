"""Runs a complete local AWS: the local cloud, the functions that it calls, and the stack deployed to it."""

import os
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from models.settings import Settings
from workflows.deployment.contents import StackContents
from workflows.deployment.deploy import deploy_locally
from workflows.deployment.local.function_host import THREADS, Address, FunctionHost
from workflows.deployment.local.local_cloud import LocalCloud, LocalCloudError
from workflows.deployment.stack import PrintLine
from workflows.handlers import bootstrap

_ADDRESS = "functions.json"


@contextmanager
def local_aws(
    directory: Path,
    settings: Settings,
    contents: StackContents,
    *,
    report: PrintLine,
    origins: Collection[str] = (),
    threads: int = THREADS,
    hosted: bool = True,
) -> Iterator[LocalCloud]:
    """Run a local cloud with an app deployed, and point this process's AWS clients to it.

    Args:
        directory: where all state is saved between runs.
        settings: the deployment's settings.
        contents: what is deployed.
        report: prints a line about the progress.
        origins: whose pages may use the user pools.
        threads: how many handlers may run at once.
        hosted: whether the functions run in this process; else `python server.py functions` hosts them in another.

    Raises:
        LocalCloudError: the cloud cannot run, or has died.
        DeploymentError: the stack cannot be deployed.
    """
    cloud = LocalCloud(directory, settings, origins)
    with ExitStack() as closing:
        closing.callback(cloud.stop)
        report("found the local cloud running" if cloud.start() else "started the local cloud")
        os.environ.update(cloud.environment)
        bootstrap.services.cache_clear()  # they may belong to an earlier cloud
        if hosted:
            address = closing.enter_context(open_function_host(directory, settings, threads=threads)).address
            # In reverse order: stop the handlers, then the cloud, which saves what they wrote, then the host.
            closing.callback(cloud.stop)
            closing.callback(bootstrap.stop)
        else:
            address = Address.load(directory / _ADDRESS).with_port()
            address.save(directory / _ADDRESS)
        deploy_locally(settings, contents, function_host_url=address.url, report=report)
        with cloud.monitored():
            yield cloud


def open_function_host(
    directory: Path, settings: Settings, *, threads: int = THREADS, separate: bool = False
) -> FunctionHost:
    """Return the function host of a directory's local cloud, a context to be entered.

    Args:
        directory: where the server of the local cloud saves all state.
        settings: the deployment's settings.
        threads: how many handlers may run at once.
        separate: whether it runs in another process than the server.

    Raises:
        LocalCloudError: the server hosts them itself.
    """
    if separate and Address.load(directory / _ADDRESS).is_served():
        raise LocalCloudError(
            "The server hosts the functions itself; to host them separately, start it with `--functions external`."
        )
    return FunctionHost(settings.names, directory / _ADDRESS, threads=threads)
