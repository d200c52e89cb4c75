"""Lists the reasons with which each provider ends a reply, and what they mean.

The reason decides before the text: half a text with the reason SAFETY is no answer. Each table names every reason of
the provider's SDK. A reason that is in no table is a failure, and never an answer.
"""

from __future__ import annotations

from workbench.models.reply import Ending

#: google.genai.types.FinishReason
GEMINI: dict[str, Ending] = {
    "STOP": Ending.COMPLETE,
    "MAX_TOKENS": Ending.CUT_OFF,
    "CONTINUATION": Ending.CUT_OFF,
    "SAFETY": Ending.REFUSED,
    "RECITATION": Ending.REFUSED,
    "LANGUAGE": Ending.REFUSED,
    "BLOCKLIST": Ending.REFUSED,
    "PROHIBITED_CONTENT": Ending.REFUSED,
    "SPII": Ending.REFUSED,
    "ESCALATION": Ending.REFUSED,
    "MODEL_ARMOR": Ending.REFUSED,
    "IMAGE_SAFETY": Ending.REFUSED,
    "IMAGE_PROHIBITED_CONTENT": Ending.REFUSED,
    "IMAGE_RECITATION": Ending.REFUSED,
    "FINISH_REASON_UNSPECIFIED": Ending.PASSING,
    "OTHER": Ending.PASSING,
    "MALFORMED_FUNCTION_CALL": Ending.PASSING,
    "MALFORMED_RESPONSE": Ending.PASSING,
    "UNEXPECTED_TOOL_CALL": Ending.PASSING,
    "TOO_MANY_TOOL_CALLS": Ending.PASSING,
    "MISSING_THOUGHT_SIGNATURE": Ending.PASSING,
    "IMAGE_OTHER": Ending.PASSING,
    "NO_IMAGE": Ending.PASSING,
    "PUP_LIMITED_DISABLED": Ending.LASTING,
}

#: google.genai.types.BlockedReason: why Gemini refused a prompt
GEMINI_BLOCKED: dict[str, Ending] = {
    "SAFETY": Ending.REFUSED,
    "BLOCKLIST": Ending.REFUSED,
    "PROHIBITED_CONTENT": Ending.REFUSED,
    "IMAGE_SAFETY": Ending.REFUSED,
    "MODEL_ARMOR": Ending.REFUSED,
    "JAILBREAK": Ending.REFUSED,
    "OTHER": Ending.REFUSED,
    "BLOCKED_REASON_UNSPECIFIED": Ending.REFUSED,
}

#: anthropic.types.StopReason
ANTHROPIC: dict[str, Ending] = {
    "end_turn": Ending.COMPLETE,
    "stop_sequence": Ending.COMPLETE,
    "max_tokens": Ending.CUT_OFF,
    "model_context_window_exceeded": Ending.CUT_OFF,
    "refusal": Ending.REFUSED,
    # Workbench offers no tools to the judge and the proposer, so these replies are no answers.
    "tool_use": Ending.PASSING,
    "pause_turn": Ending.PASSING,
}

#: `finish_reason` of OpenAI's chat completions
OPENAI: dict[str, Ending] = {
    "stop": Ending.COMPLETE,
    "length": Ending.CUT_OFF,
    "content_filter": Ending.REFUSED,
    "tool_calls": Ending.PASSING,
    "function_call": Ending.PASSING,
    # The words of other services that speak this protocol: Mistral, OpenRouter and DeepSeek.
    "model_length": Ending.CUT_OFF,
    "error": Ending.PASSING,
    "insufficient_system_resource": Ending.PASSING,
}
