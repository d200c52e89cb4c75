"""A Dask cluster and a service with the protocol of S3 for tests, each in processes of its own on loopback."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.command_line import CommandLine, wait_for
from tests.support.deployments import running
from workbench.system.ports import reserved

DASK = Path(sys.executable).with_name("dask")
MOTO = Path(sys.executable).with_name("moto_server")
BUCKET = "answers"


@contextmanager
def bucket() -> Iterator[dict[str, str]]:
    """Start a service with an empty bucket. Yield the variables with which a process reaches it."""
    import boto3

    login = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    with reserved() as port:
        variables = {
            **{name.replace("region_name", "aws_default_region").upper(): value for name, value in login.items()},
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "WORKBENCH_RESULTS": f"s3://{BUCKET}/workbench",
        }
        with _running([MOTO, "-H", "127.0.0.1", "-p", port], port, variables):
            boto3.client("s3", endpoint_url=variables["AWS_ENDPOINT_URL"], **login).create_bucket(Bucket=BUCKET)
            yield variables


@dataclass(frozen=True)
class Cluster:
    """A scheduler with its address, and the processes of its workers."""

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: tuple[subprocess.Popen[str], ...]


@contextmanager
def dask(*workers: CommandLine) -> Iterator[Cluster]:
    """Start a scheduler, and a worker process for each command line. Yield when all workers have joined."""
    with ExitStack() as ending:
        port = ending.enter_context(reserved())
        address = f"tcp://127.0.0.1:{port}"
        scheduler = [DASK, "scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"]
        process_of_scheduler = ending.enter_context(_running(scheduler, port, workers[0].env))
        options = ("--nthreads", 2, "--no-dashboard", "--no-nanny")
        programs = [ending.enter_context(running(worker, DASK, "worker", address, *options)) for worker in workers]
        for program in programs:
            program.wait_for_line("Registered to")
        yield Cluster(address, process_of_scheduler, tuple(program.process for program in programs))


@contextmanager
def _running(command: list[object], port: int, env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends. Yield it when it listens at its port."""
    process = subprocess.Popen(
        [str(part) for part in command], env=dict(env), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    with _ended(process):
        wait_for(lambda: process.poll() is not None or _listens(port))
        assert process.poll() is None, f"{command[0]} ended"
        yield process


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
