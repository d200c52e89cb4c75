"""Starts the task runner of a study: threads of the flow's process, or the processes of a Dask or Ray cluster."""

from __future__ import annotations

import importlib
import logging
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from prefect import Flow
from prefect.context import FlowRunContext
from prefect.task_runners import TaskRunner

from workbench import nouns
from workbench.errors import OutsideError
from workbench.nouns import TaskRunnerName
from workbench.run.setting import Setting

#: How long a cluster at an address has to answer, in seconds.
CONNECT_SECONDS = 15

#: Ray reads these settings from the environment when it is imported. A value that the environment has already stays.
RAY_SETTINGS = {
    # A node of Ray starts four Python programs and waits for two. On a busy machine, this takes more than Ray's 30 s.
    "RAY_raylet_start_wait_time_s": "180",
    # Ray tries three times to reach an address, and waits twice as long each time: seven times this value in all.
    "RAY_CLIENT_INITIAL_CONNECTION_TIMEOUT_S": str(CONNECT_SECONDS // 7),
}

#: What to do if a cluster of Ray refuses the flow: then Ray reports no other problem than a time-out.
RAY_ADVICE = ", set RAY_AUTH_MODE=token if the cluster has a token"

#: The packages whose exceptions mean that the cluster has failed.
CLUSTER_PACKAGES = ("distributed", "ray")

#: The module with which a cluster's package sends functions to its workers, by the name of the task runner.
CLOUDPICKLE: dict[TaskRunnerName, str] = {"dask": "cloudpickle", "ray": "ray.cloudpickle"}

#: Makes a worker ignore Ctrl-C, which a terminal sends to every process of the group. The flow ends its workers itself.
#: So no worker prints a traceback.
IGNORE_INTERRUPTS = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"


@contextmanager
def tasks_of(setting: Setting) -> Iterator[TaskRunner[Any]]:
    """Yield the task runner of a run's study until the block ends."""
    with started(setting.study.task_runner, setting.study.concurrency) as runner:
        yield runner


@contextmanager
def started(runner: nouns.TaskRunner, concurrency: int) -> Iterator[TaskRunner[Any]]:
    """Yield the task runner, and stop it when the block ends. A cluster at an address goes on.

    Args:
        concurrency: how many task runs may run at once in a cluster that is started here.

    Raises:
        OutsideError: the cluster does not answer, or cannot be started, or fails before the block ends.
    """
    with ExitStack() as ending:
        try:
            task_runner = ending.enter_context(_STARTERS[runner.name](runner.address, concurrency))
        except Exception as error:
            # Ray raises a bare Exception if one of its processes does not start.
            raise _cluster_failed(runner, "cannot be used", error) from error
        if (cloudpickle := CLOUDPICKLE.get(runner.name)) is not None:
            send_itself(_context().flow, importlib.import_module(cloudpickle))
        try:
            yield task_runner
        except BaseException as error:
            # The exceptions of Dask have many base classes: OSError and CancelledError, for instance.
            if type(error).__module__.partition(".")[0] not in CLUSTER_PACKAGES:
                raise
            raise _cluster_failed(runner, "has failed", error) from error


def _cluster_failed(runner: nouns.TaskRunner, problem: str, error: BaseException) -> OutsideError:
    """Return the error for a cluster. `problem` continues the sentence "the cluster …"."""
    place = f"at {runner.address}" if runner.address else "on this machine"
    if runner.address:
        token = RAY_ADVICE if runner.name == "ray" else ""
        expected = f"expected a cluster that answers within {CONNECT_SECONDS} s"
        advice = f"start it or correct task_runner{token}, and run the same command again"
    else:
        expected = "expected that it starts and lasts as long as the run"
        advice = "run the same command again, or choose threads"
    reason = str(error).split("\n")[0][:200] or type(error).__name__
    return OutsideError(
        f"the {runner.name} cluster {place} {problem} ({reason}); {expected}; {advice}",
        kind="no cluster",
        lasting=True,
    )


def local() -> TaskRunner[Any]:
    """Return the task runner of the flow in which this is called: threads of the flow's process."""
    return _context().task_runner


def _context() -> FlowRunContext:
    context = FlowRunContext.get()
    if context is None:
        raise RuntimeError("no flow runs in this thread; call this function in a flow")
    return context


def send_itself(flow: Flow[Any, Any] | None, cloudpickle: Any) -> None:
    """Have a cluster's workers get the functions of a flow's file themselves, and not their names.

    Prefect sends the flow with each task run. It loads the flow of a deployment from its file, as a module that no
    worker can import.

    Args:
        cloudpickle: the module `cloudpickle` with which the cluster's package sends functions.
    """
    if flow is None:
        return
    module = sys.modules[flow.fn.__module__]
    if not module.__name__.startswith("workbench."):
        cloudpickle.register_pickle_by_value(module)


@contextmanager
def _threads(address: str | None, concurrency: int) -> Iterator[TaskRunner[Any]]:
    """Yield the flow's own task runner. Both parameters are for clusters."""
    yield local()


@contextmanager
def _dask(address: str | None, concurrency: int) -> Iterator[TaskRunner[Any]]:
    """Yield the task runner of the Dask cluster at an address, or of a cluster that is started here."""
    from prefect_dask.task_runners import DaskTaskRunner

    client = {"timeout": CONNECT_SECONDS}
    if address is not None:
        runner = DaskTaskRunner(address=address, client_kwargs=client)
    else:
        processes = min(concurrency, os.cpu_count() or 1)
        cluster = {
            "n_workers": processes,
            "threads_per_worker": math.ceil(concurrency / processes),
            # Plans are small. A limit would pause workers because of other programs of this machine.
            "memory_limit": 0,
            # The dashboard would open a port.
            "dashboard_address": None,
            "preload": [IGNORE_INTERRUPTS],
            # A failure reaches the flow as an exception. A worker that ends after the scheduler, or before it, would
            # also print a traceback of its lost connection.
            "silence_logs": logging.CRITICAL,
        }
        runner = DaskTaskRunner(cluster_kwargs=cluster, client_kwargs=client)
    with runner:
        # Reading this property connects to the cluster, so that a failure shows before the first task run.
        _ = runner.client
        yield runner


@contextmanager
def _ray(address: str | None, concurrency: int) -> Iterator[TaskRunner[Any]]:
    """Yield the task runner of the Ray cluster at an address, or of a cluster that is started here."""
    for name, value in RAY_SETTINGS.items():
        os.environ.setdefault(name, value)
    from prefect_ray import RayTaskRunner

    # A failure reaches the flow as an exception. Ray would also print how it connects, and all that its workers print.
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    # Ray runs one task for each of its CPUs. A task run mostly waits, so one CPU can serve several.
    cluster = {"num_cpus": concurrency, "include_dashboard": False}
    # Without an address, Ray would join a cluster that runs on this machine already, and refuse `num_cpus`.
    with RayTaskRunner(address=address or "local", init_kwargs=quiet if address else {**cluster, **quiet}) as runner:
        yield runner


_STARTERS: dict[TaskRunnerName, Callable[[str | None, int], Any]] = {"threads": _threads, "dask": _dask, "ray": _ray}
