"""An AWS of one's own, whole: the local cloud, the functions that it calls, and the stack deployed to it."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from models.settings import Settings
from workflows.deployment.deploy import PrintLine, deploy_locally
from workflows.deployment.local.function_host import THREADS, Address, FunctionHost
from workflows.deployment.local.local_cloud import LocalCloud, LocalCloudError
from workflows.handlers import bootstrap

_ADDRESS = "functions.json"


@contextmanager
def local_aws(
    directory: Path, settings: Settings, *, report: PrintLine, threads: int = THREADS, hosted: bool = True
) -> Iterator[LocalCloud]:
    """Run a local cloud with HourBank deployed, and lead this process's AWS clients to it.

    Args:
        directory: where everything is kept from one run to the next.
        settings: the deployment's settings.
        report: is told what happens, a line at a time.
        threads: how many synchronous handlers may run at once.
        hosted: the functions run in this process; else another one (`python server.py functions`) hosts them.

    Raises:
        LocalCloudError: the cloud cannot run, or has died.
        DeploymentError: the stack cannot be deployed.
    """
    cloud = LocalCloud(directory, settings)
    with ExitStack() as closing:
        closing.callback(cloud.stop)
        report("found the local cloud running" if cloud.start() else "started the local cloud")
        os.environ.update(cloud.environment)
        bootstrap.services.cache_clear()  # whoever had others had them from another cloud
        if hosted:
            address = closing.enter_context(host_functions(directory, settings, threads=threads)).address
            # Before the functions go: what they are at is then saved as far as it came.
            closing.callback(cloud.stop)
            closing.callback(bootstrap.stop)
        else:
            address = Address.kept(directory / _ADDRESS).with_port()
            address.keep(directory / _ADDRESS)
        deploy_locally(settings, function_host_url=address.url, report=report)
        with cloud.watched():
            yield cloud


def host_functions(
    directory: Path, settings: Settings, *, threads: int = THREADS, apart: bool = False
) -> FunctionHost:
    """Return the function host of a directory's local cloud, to be entered.

    Args:
        directory: where the local cloud's server keeps everything.
        settings: the deployment's settings.
        threads: how many synchronous handlers may run at once.
        apart: in a process beside the server's.

    Raises:
        LocalCloudError: the server hosts them itself.
    """
    if apart and Address.kept(directory / _ADDRESS).is_served():
        raise LocalCloudError(
            "The functions are hosted already; to host them apart, start the server with `--functions external`."
        )
    return FunctionHost(settings.names, directory / _ADDRESS, threads=threads)
