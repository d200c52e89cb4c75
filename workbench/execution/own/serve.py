"""Executes with our own runtime in one Erlang VM that stays: `mix pipeline.serve`, on this machine or elsewhere."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import httpx
from pydantic import Field

from workbench.errors import ExecutionFailed, Interrupted, PipelineRejected
from workbench.execution.own import orders, project
from workbench.execution.own.study import OwnKeys, OwnRuntime, pipeline_of
from workbench.execution.own.vm import (
    EXECUTIONS_AT_ONCE,
    TOKEN_VARIABLE,
    OwnVM,
    RemoteVM,
    UnknownRun,
    remote_token,
    unreachable,
)
from workbench.execution.runtime import Check, Needs, StudyFile
from workbench.fields import Address, Form
from workbench.money.meter import Meter, use_report
from workbench.nouns import Engine, Execution, ExecutionRequest, Pipeline
from workbench.providers import Provider
from workbench.system import loopback, process
from workbench.system.certificates import certificates
from workbench.system.files import write_atomically

#: Seconds that one request waits for a run's end. An interrupt is noticed after this time at the latest.
WAIT_SECONDS = 5
#: The number of VMs that may die during one execution before it fails.
STARTS = 3


class ServeKeys(OwnKeys):
    """The study keys of a runtime that is kept warm, here or elsewhere."""

    runtime_url: Address | None = Field(
        default=None, description="the address of a runtime that you started elsewhere with mix pipeline.serve"
    )


@dataclass(frozen=True)
class ServeSettings:
    """The settings of a study whose VM somebody else started. `url` is the VM's address."""

    url: str


class Serve(OwnRuntime):
    """Executes in one Erlang VM that is kept warm. Our own VM starts when it is needed, and again if it has died."""

    Keys: ClassVar[type[Form]] = ServeKeys

    def __init__(self, engine: Engine) -> None:
        self._url = engine.settings.url if isinstance(engine.settings, ServeSettings) else None
        self._client = _client(self._url)
        self._own_vms: dict[tuple[str, ...], OwnVM] = {}
        self._users = 0
        self._lock = threading.Lock()

    @classmethod
    def configure(cls, name: str, keys: Any, study: StudyFile) -> Pipeline:
        settings = ServeSettings(keys.runtime_url) if keys.runtime_url else None
        return pipeline_of(Engine(name, settings), keys, study)

    def needs(self, pipeline: Pipeline) -> Needs:
        # A VM that somebody else started has keys of its own.
        return super().needs(pipeline) if self._url is None else Needs(variables=(TOKEN_VARIABLE,))

    def checks(self, pipeline: Pipeline, home: Path, environ: Mapping[str, str]) -> Iterator[Check]:
        if self._url is None:
            yield from super().checks(pipeline, home, environ)
            return
        # The token is one of the variables that the study needs, so it has a check of its own.
        try:
            yield Check("runtime", True, self.version())
        except ExecutionFailed as error:
            yield Check("runtime", False, "cannot be started", error.message)

    def refusal(self, pipeline: Pipeline) -> str | None:
        # A runtime on another machine checks a pipeline only before it executes the pipeline. If it refuses the
        # pipeline, it calls no model.
        return super().refusal(pipeline) if self._url is None else None

    def version(self) -> str:
        return project.version() if self._url is None else f"pipeline {self._health(self._url)['version']}"

    def prepare(self) -> None:
        if self._url is None:
            project.compile_once()
        else:
            self._health(self._url)
            remote_token()
        with self._lock:
            self._users += 1

    def execute(self, request: ExecutionRequest, folder: Path, meter: Meter) -> Execution:
        start = time.monotonic()
        body = orders.order(request)
        for _ in range(STARTS):
            vm = self._vm_for(request.providers)
            try:
                run = self._run(vm, body, folder.name, start + request.pipeline.timeout_seconds)
            except (httpx.TransportError, UnknownRun) as error:
                if process.interrupted():
                    raise Interrupted("interrupted") from error
                vm.handle_loss(error)
                if meter.budgeted:
                    # What the lost run has cost is not known. The next try needs a reservation of its own.
                    raise ExecutionFailed("the runtime died during this execution", kind="crashed") from error
                continue
            if isinstance(usage := run.get("usage"), dict):
                with contextlib.suppress(ValueError, LookupError, TypeError, AttributeError):
                    use_report(meter, usage)
            text, problem = orders.outcome(run, folder, orders.secrets_of(request.providers))
            output = folder / "plan.yaml"
            if problem is None:
                orders.write_step_files(run.get("files"), folder / "plan_files")
                write_atomically(output, text.encode())
            return Execution(request.key, text, output, time.monotonic() - start, problem)
        raise ExecutionFailed(
            f"the runtime died {STARTS} times during this execution; its output is in {folder}", kind="crashed"
        )

    def close(self) -> None:
        with self._lock:
            # Another study of this process may still execute.
            self._users = max(0, self._users - 1)
            if self._users > 0:
                return
            while self._own_vms:
                self._own_vms.popitem()[1].stop()
            self._client.close()
            self._client = _client(self._url)

    def health(self, providers: Iterable[Provider]) -> dict[str, Any]:
        """Return the health report of the VM that calls these providers."""
        return self._health(self._vm_for(providers).url)

    def _vm_for(self, providers: Iterable[Provider]) -> RemoteVM | OwnVM:
        """Return a VM that calls these providers. Start our own VM if it is not running.

        Raises:
            ExecutionFailed: a VM elsewhere calls other providers or does not answer, or our own VM does not start.
            MissingKey: there is no token for a VM elsewhere.
        """
        if self._url is not None:
            self._check_addresses(self._url, providers)
            return RemoteVM(self._url, remote_token())
        addresses = tuple(provider.base_url for provider in providers)
        with self._lock:
            if process.interrupted():
                raise Interrupted("interrupted")
            vm = self._own_vms.get(addresses)
            if vm is None or not vm.runs:
                if vm is not None:
                    vm.stop()
                vm = self._own_vms[addresses] = OwnVM(providers)
            return vm

    def _run(self, vm: RemoteVM | OwnVM, body: dict[str, Any], attempt: str, deadline: float) -> dict[str, Any]:
        """Execute once, and return the ended run.

        A run has the execution's key. If a run was begun before under the same key, wait for that run: it is not paid
        for again.
        """
        run, is_new = self._begin(vm, body, deadline)
        if not is_new and run["status"] in ("failed", "cancelled"):
            run, _ = self._begin(vm, {**body, "key": f"{body['key']}/{attempt}/{time.time_ns()}"}, deadline)
        address = f"{vm.url}/runs/{run['id']}"
        while run["status"] == "running":
            is_late = time.monotonic() > deadline + WAIT_SECONDS
            if is_late or process.interrupted():
                self._client.delete(address, headers=vm.headers)
            if process.interrupted():
                raise Interrupted("interrupted")
            if is_late:
                return {**run, "status": "failed", "error": {"kind": "timeout", "message": "it did not end in time"}}
            run = self._answer(self._client.get(address, params={"wait": WAIT_SECONDS}, headers=vm.headers))
        return run

    def _begin(self, vm: RemoteVM | OwnVM, body: dict[str, Any], deadline: float) -> tuple[dict[str, Any], bool]:
        """Begin a run. Return the run, and True if it is new: no run was begun before under the same key."""
        while True:
            response = self._client.post(f"{vm.url}/runs", json=body, headers=vm.headers)
            if response.status_code not in (429, 503) or time.monotonic() > deadline or process.interrupted():
                return self._answer(response), response.status_code == 202
            time.sleep(_pause(response))

    def _answer(self, response: httpx.Response) -> dict[str, Any]:
        """Return the run that a response describes.

        Raises:
            PipelineRejected, UnknownRun, ExecutionFailed: by the response's status code.
        """
        try:
            answer = response.json()
        except (ValueError, RecursionError):
            answer = {}
        answer = answer if isinstance(answer, dict) else {}
        if response.is_success and isinstance(answer.get("status"), str) and isinstance(answer.get("id"), str):
            return answer
        error = answer.get("error")
        default = f"it answered {response.status_code}"
        message = str(error.get("message", default)) if isinstance(error, dict) else default
        if response.status_code == 422:
            raise PipelineRejected(message)
        if response.status_code == 404:
            raise UnknownRun(message)
        raise ExecutionFailed(
            f"the runtime at {response.url.host}:{response.url.port} refused ({response.status_code}): {message}",
            kind="authentication" if response.status_code == 401 else "refused",
            lasting=response.status_code in (400, 401, 413),
        )

    def _health(self, url: str) -> dict[str, Any]:
        """Return a runtime's health report: its version and the addresses of its providers.

        Raises:
            ExecutionFailed: no runtime answers there.
        """
        try:
            health: dict[str, Any] = self._client.get(f"{url}/health").raise_for_status().json()
            if not isinstance(health.get("providers"), dict) or "version" not in health:
                raise ValueError("the answer names no version and no providers, so it is another program's")
        except (httpx.HTTPError, ValueError, AttributeError) as error:
            raise unreachable(url, error) from error
        return health

    def _check_addresses(self, url: str, providers: Iterable[Provider]) -> None:
        """Check that a runtime elsewhere calls the providers that stand in the execution's key.

        Raises:
            ExecutionFailed: it calls another address.
        """
        calls = self._health(url)["providers"]
        for provider in providers:
            if calls.get(provider.name) != provider.base_url:
                raise ExecutionFailed(
                    f"the runtime at {url} calls {calls.get(provider.name)} for {provider.name}, and this run "
                    f"{provider.base_url}: give both the same address",
                    kind="other provider",
                    lasting=True,
                )


def _client(url: str | None) -> httpx.Client:
    """Return a client for our own VM, or for the VM at this address. Use a proxy only for other machines."""
    return httpx.Client(
        timeout=httpx.Timeout(WAIT_SECONDS + 30.0, connect=10.0),
        limits=httpx.Limits(max_connections=EXECUTIONS_AT_ONCE, max_keepalive_connections=EXECUTIONS_AT_ONCE),
        trust_env=url is not None,
        mounts=loopback.DIRECT,
        verify=certificates(),
    )


def _pause(response: httpx.Response) -> float:
    """Return the seconds to wait before the next try: what the response says, up to 5."""
    try:
        seconds = float(response.headers.get("retry-after", 1))
    except ValueError:
        return 1.0
    return min(max(seconds, 0.1), 5.0)
