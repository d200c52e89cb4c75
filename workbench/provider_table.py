"""Lists the model providers: their addresses, the variables of their keys, their protocols and their current models.

A new provider is one line in `KNOWN`, and its name in `ProviderName`. No other module knows a provider's address. The
names, variables and addresses are those of DSPy and of litellm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ProviderName = Literal[
    "gemini",
    "anthropic",
    "openai",
    "openrouter",
    "mistral",
    "groq",
    "deepseek",
    "xai",
    "cerebras",
    "moonshot",
    "zai",
    "together_ai",
    "fireworks_ai",
    "claude-program",
]
#: The protocol in which a provider is asked. Its name is that of the provider that defined it.
Protocol = Literal["gemini", "anthropic", "openai", "claude-program"]


@dataclass(frozen=True)
class Service:
    """What Workbench knows about one provider.

    Attributes:
        address: the provider's public address.
        keys: the environment variables that may hold the key.
        address_variable: the environment variable that overrides the address.
        protocol: the protocol in which the provider is asked.
        priced_as: the provider's name in the price data.
        highest_temperature: the highest temperature that the provider accepts; None if it takes no temperature.
        schemas: True if every current model takes a JSON schema for its answer. Otherwise the models get the schema in
            words.
        tells_dollars: True if the usage in a reply has the call's cost in dollars.
        models: current models. A message about an unknown model suggests them if the provider sends no list of models.
    """

    address: str
    keys: tuple[str, ...]
    address_variable: str
    protocol: Protocol
    priced_as: str
    highest_temperature: float | None = 2.0
    schemas: bool = True
    tells_dollars: bool = False
    models: tuple[str, ...] = ()


#: The current models of Anthropic.
_CLAUDE = ("claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5")


def _chat(
    name: ProviderName,
    address: str,
    priced_as: str,
    highest_temperature: float = 2.0,
    *,
    schemas: bool = False,
    tells_dollars: bool = False,
) -> Service:
    """Return a service that speaks OpenAI's chat protocol, and whose variables have the usual names."""
    variables = (f"{name.upper()}_API_KEY",), f"{name.upper()}_API_BASE"
    return Service(address, *variables, "openai", priced_as, highest_temperature, schemas, tells_dollars)


KNOWN: dict[ProviderName, Service] = {
    "gemini": Service(
        "https://generativelanguage.googleapis.com",
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        "GOOGLE_GEMINI_BASE_URL",
        "gemini",
        "google",
        models=("gemini-3.8-flash", "gemini-4-argon", "gemini-3.5-flash-lite"),
    ),
    "anthropic": Service(
        "https://api.anthropic.com",
        ("ANTHROPIC_API_KEY",),
        "ANTHROPIC_BASE_URL",
        "anthropic",
        "anthropic",
        highest_temperature=1.0,
        models=_CLAUDE,
    ),
    "openai": Service("https://api.openai.com/v1", ("OPENAI_API_KEY",), "OPENAI_BASE_URL", "openai", "openai"),
    "openrouter": _chat("openrouter", "https://openrouter.ai/api/v1", "openrouter", schemas=True, tells_dollars=True),
    "mistral": _chat("mistral", "https://api.mistral.ai/v1", "mistral", 1.5, schemas=True),
    "groq": _chat("groq", "https://api.groq.com/openai/v1", "groq"),
    "deepseek": _chat("deepseek", "https://api.deepseek.com/v1", "deepseek"),
    "xai": _chat("xai", "https://api.x.ai/v1", "x-ai", schemas=True),
    "cerebras": _chat("cerebras", "https://api.cerebras.ai/v1", "cerebras", 1.5),
    "moonshot": _chat("moonshot", "https://api.moonshot.ai/v1", "moonshotai", 1.0),
    "zai": _chat("zai", "https://api.z.ai/api/paas/v4", "zai", 1.0),
    "together_ai": Service(
        "https://api.together.xyz/v1",
        ("TOGETHER_API_KEY", "TOGETHER_AI_API_KEY"),
        "TOGETHER_AI_API_BASE",
        "openai",
        "together",
        schemas=False,
    ),
    "fireworks_ai": Service(
        "https://api.fireworks.ai/inference/v1",
        ("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY"),
        "FIREWORKS_API_BASE",
        "openai",
        "fireworks",
        schemas=False,
    ),
    # This is the `claude` program, not a service. It has a login of its own, and reads the variables of Anthropic's
    # clients.
    "claude-program": Service(
        "claude-program",
        ("ANTHROPIC_API_KEY",),
        "ANTHROPIC_BASE_URL",
        "claude-program",
        "anthropic",
        highest_temperature=None,
        models=_CLAUDE,
    ),
}

#: The provider that is a program on this machine. It needs no key, and in a rehearsal it is not started.
PROGRAM: ProviderName = "claude-program"

#: The providers that our own runtime and checkouts of pipeline_ex call. Other models only judge and propose.
GENERATING: tuple[ProviderName, ...] = ("anthropic", "gemini")

#: The model that proposes prompts in a study that names none. docs/decisions/0011 has the reasons.
DEFAULT_PROPOSER = "gemini/gemini-3.8-flash"
#: The model that judges in a study that names none.
DEFAULT_JUDGE = "gemini/gemini-4-argon"

#: The path at the end of a provider's address, for clients that expect it there.
API_PATH: dict[Protocol, str] = {"gemini": "/v1beta", "anthropic": "/v1", "openai": "/v1", "claude-program": ""}
