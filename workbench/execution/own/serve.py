"""The runtime of this repository, kept warm: one VM for all executions, `mix pipeline.serve`, here or elsewhere."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import httpx
from pydantic import Field

from workbench.errors import ExecutionFailed, Interrupted, PipelineRejected
from workbench.execution import program
from workbench.execution.own import project
from workbench.execution.own.failure import blame
from workbench.execution.own.study import OwnKeys, OwnRuntime, pipeline_of
from workbench.execution.own.vm import LIMIT, TOKEN_VARIABLE, Elsewhere, Forgotten, Own, remote_token, unreachable
from workbench.execution.pipeline_source import unchanged, unchanged_pipeline
from workbench.execution.runtime import Check, Needs, StudyFile
from workbench.fields import Address, Form
from workbench.nouns import Engine, Execution, ExecutionRequest, Pipeline
from workbench.providers import Provider, digest
from workbench.system import process
from workbench.system.files import write_atomically

#: For one long poll; an interrupt is noticed after as long.
WAIT_SECONDS = 5
#: How often an execution is begun anew because the VM under it died.
STARTS = 3


class ServeKeys(OwnKeys):
    """The study keys of a runtime that is kept warm, here or elsewhere."""

    runtime_url: Address | None = Field(
        default=None, description="the address of a runtime that you started elsewhere with mix pipeline.serve"
    )


@dataclass(frozen=True)
class ServeSettings:
    """`url` is the address of a VM that somebody else started."""

    url: str


class Serve(OwnRuntime):
    """Executes over HTTP. A VM of our own is started when it is first needed, and again when it has died."""

    Keys: ClassVar[type[Form]] = ServeKeys

    def __init__(self, engine: Engine) -> None:
        self._url = engine.settings.url if isinstance(engine.settings, ServeSettings) else None
        self._client = _client(self._url)
        self._own: dict[tuple[str, ...], Own] = {}
        self._users = 0
        self._lock = threading.Lock()

    @classmethod
    def configure(cls, name: str, keys: Any, study: StudyFile) -> Pipeline:
        settings = ServeSettings(keys.runtime_url) if keys.runtime_url else None
        return pipeline_of(Engine(name, settings), keys, study)

    def needs(self, pipeline: Pipeline) -> Needs:
        # The keys of a VM elsewhere are where it is.
        return super().needs(pipeline) if self._url is None else Needs(variables=(TOKEN_VARIABLE,))

    def checks(self, pipeline: Pipeline, home: Path, environ: Mapping[str, str]) -> Iterator[Check]:
        if self._url is None:
            yield from super().checks(pipeline, home, environ)
            return
        try:
            self.prepare()
            yield Check("runtime", True, self.version())
        except ExecutionFailed as error:
            yield Check("runtime", False, "cannot be started", error.message)

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

    def execute(self, request: ExecutionRequest, folder: Path) -> Execution:
        begun = time.monotonic()
        body = _body(request)
        for _ in range(STARTS):
            vm = self._where(request.providers)
            try:
                ended = self._run(vm, body, folder.name, begun + request.pipeline.timeout_seconds)
            except (httpx.TransportError, Forgotten) as error:
                if process.interrupted():
                    raise Interrupted("interrupted") from error
                vm.lost(error)
                continue
            text, problem = _outcome(ended, folder, _secrets(request.providers))
            output = folder / "plan.yaml"
            if problem is None:
                _keep(ended.get("files") or {}, folder / "plan_files")
                write_atomically(output, text.encode())
            return Execution(request.key, text, output, time.monotonic() - begun, problem)
        raise ExecutionFailed(
            f"the runtime died {STARTS} times under this execution; its output is in {folder}", kind="crashed"
        )

    def close(self) -> None:
        with self._lock:
            # Another study of this process may still execute.
            self._users = max(0, self._users - 1)
            if self._users > 0:
                return
            while self._own:
                self._own.popitem()[1].stop()
            self._client.close()
            self._client = _client(self._url)

    def health(self, providers: Iterable[Provider]) -> dict[str, Any]:
        """What the VM that calls these providers says of itself."""
        return self._health(self._where(providers).url)

    def _where(self, providers: Iterable[Provider]) -> Elsewhere | Own:
        """A VM that calls these providers; one of our own is started if it is not there, or has died."""
        if self._url is not None:
            self._calls_the_same(self._url, providers)
            return Elsewhere(self._url, remote_token())
        wanted = tuple(provider.base_url for provider in providers)
        with self._lock:
            if process.interrupted():
                raise Interrupted("interrupted")
            vm = self._own.get(wanted)
            if vm is None or not vm.runs:
                if vm is not None:
                    vm.stop()
                vm = self._own[wanted] = Own(providers)
            return vm

    def _run(self, vm: Elsewhere | Own, body: dict[str, Any], attempt: str, deadline: float) -> dict[str, Any]:
        """One run, to its end. Begun under the execution's key, so that one that is there already is not paid again."""
        run, made_now = self._begin(vm, body, deadline)
        if not made_now and run["status"] in ("failed", "cancelled"):
            run, _ = self._begin(vm, {**body, "key": f"{body['key']}/{attempt}/{time.time_ns()}"}, deadline)
        where = f"{vm.url}/runs/{run['id']}"
        while run["status"] == "running":
            late = time.monotonic() > deadline + WAIT_SECONDS
            if late or process.interrupted():
                self._client.delete(where, headers=vm.head)
            if process.interrupted():
                raise Interrupted("interrupted")
            if late:
                return {**run, "status": "failed", "error": {"kind": "timeout", "message": "it did not end in time"}}
            run = self._said(self._client.get(where, params={"wait": WAIT_SECONDS}, headers=vm.head))
        return run

    def _begin(self, vm: Elsewhere | Own, body: dict[str, Any], deadline: float) -> tuple[dict[str, Any], bool]:
        """The run, and whether it was begun just now."""
        while True:
            answer = self._client.post(f"{vm.url}/runs", json=body, headers=vm.head)
            if answer.status_code not in (429, 503) or time.monotonic() > deadline or process.interrupted():
                return self._said(answer), answer.status_code == 202
            time.sleep(min(float(answer.headers.get("retry-after", 1)), 5.0))

    def _said(self, answer: httpx.Response) -> dict[str, Any]:
        try:
            said: dict[str, Any] = answer.json()
        except ValueError:
            said = {}
        if answer.is_success and "status" in said:
            return said
        message = said.get("error", {}).get("message", f"it answered {answer.status_code}")
        if answer.status_code == 422:
            raise PipelineRejected(message)
        if answer.status_code == 404:
            raise Forgotten(message)
        raise ExecutionFailed(
            f"the runtime at {answer.url.host}:{answer.url.port} refused ({answer.status_code}): {message}",
            kind="authentication" if answer.status_code == 401 else "refused",
            lasting=answer.status_code in (400, 401, 413),
        )

    def _health(self, url: str) -> dict[str, Any]:
        try:
            said: dict[str, Any] = self._client.get(f"{url}/health").raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise unreachable(url, error) from error
        return said

    def _calls_the_same(self, url: str, providers: Iterable[Provider]) -> None:
        """A runtime elsewhere has addresses of its own: what it answers must be what stands in the key."""
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
    return httpx.Client(
        timeout=httpx.Timeout(WAIT_SECONDS + 30.0, connect=10.0),
        limits=httpx.Limits(max_connections=LIMIT, max_keepalive_connections=LIMIT),
        # A proxy is for what is elsewhere.
        trust_env=url is not None,
    )


def _body(request: ExecutionRequest) -> dict[str, Any]:
    pipeline = request.pipeline
    file, content = unchanged_pipeline(pipeline)
    name, timeout_ms = str(file), int(pipeline.timeout_seconds * 1000)
    return {
        "pipeline": content.decode("utf-8"),
        "name": name,
        "prompt": request.prompt,
        "inputs": {item.name: unchanged(item.path, item.sha256).decode("utf-8") for item in pipeline.inputs},
        "seed": request.replicate,
        "timeout_ms": timeout_ms,
        # The plan depends on neither, but the runtime takes no two orders under one key.
        "key": digest("run/1", request.key, name, str(timeout_ms)),
    }


def _secrets(providers: Iterable[Provider]) -> list[str]:
    return program.secret_values(program.provider_variables(providers))


def _outcome(ended: dict[str, Any], folder: Path, secrets: list[str]) -> tuple[str, str | None]:
    """Text and problem of an ended run, as `Execution` has them; what the runtime said is kept beside the prompt."""
    said = json.dumps(
        {name: value for name, value in ended.items() if name not in ("text", "files")}, indent=2, ensure_ascii=False
    )
    (folder / "run.json").write_text(program.scrubbed(said, secrets) + "\n", encoding="utf-8")
    text = ended.get("text") or ""
    if ended["status"] == "done" and text.strip():
        if len(text.encode()) > program.PLAN_BYTES:
            raise ExecutionFailed(f"the plan has more than {program.PLAN_BYTES} bytes", kind="no file")
        return text, None
    error = ended.get("error") or {"kind": "no file", "message": f"it ended as {ended['status']} without a plan"}
    message = program.scrubbed(str(error["message"]), secrets)
    return "", blame(str(error["kind"]).replace("_", " "), message, folder)


def _keep(files: dict[str, str], folder: Path) -> None:
    """What steps wrote beside the plan, where the command writes it."""
    for name, text in files.items():
        if not (folder / name).resolve().is_relative_to(folder.resolve()):
            raise ExecutionFailed(f"the runtime names a file outside of its folder: {name}", kind="no file")
        write_atomically(folder / name, text.encode())
