"""Which key may go where: each variable has its hosts, in code; settings choose among them and cannot send a key elsewhere.

A pulled conf/ that names another host, or another variable (AWS_SECRET_ACCESS_KEY), is refused before anything is sent.
Whoever runs likeness can allow more in the environment: `LIKENESS_ALLOWED_HOSTS="OPENAI_API_KEY=llm.example.org"`, several parted
by spaces or commas; `http=HOST` lets pictures go to a host without TLS, and never a key.
"""

import os
from urllib.parse import urlsplit

from likeness.errors import ConfigError
from likeness.http.sockets import is_loopback

KEY_HOSTS: dict[str, tuple[str, ...]] = {
    "MAXSTUDIO_API_KEY": ("api.maxstudio.ai",),
    "XAI_API_KEY": ("api.x.ai",),
    "OPENAI_API_KEY": ("api.openai.com",),
    "OPENROUTER_API_KEY": ("openrouter.ai",),
    "TOGETHER_API_KEY": ("api.together.xyz", "api.together.ai"),
    "GROQ_API_KEY": ("api.groq.com",),
    "MISTRAL_API_KEY": ("api.mistral.ai",),
    "VLLM_API_KEY": (),
    "COMFYUI_API_KEY": (),
    "RUNPOD_API_KEY": ("api.runpod.io",),
}
"""The hosts, and those below them, that a key may be sent to; this machine besides."""

ALLOWED_HOSTS = "LIKENESS_ALLOWED_HOSTS"
PLAIN = "http"


def check_place(name: str, base_url: str, env: str | None, *, hosts: tuple[str, ...] = ()) -> None:
    """See that the key in the variable `env` may go to `base_url`; `hosts` are those that a provider's own code names.

    Raises:
        ConfigError: `key-elsewhere`, `unknown-key` or `not-https`.
    """
    parts = urlsplit(base_url)
    host, here = (parts.hostname or "").rstrip("."), is_loopback(parts.hostname)
    if parts.scheme != "https" and not here and (env is not None or (PLAIN, host) not in _allowed()):
        raise ConfigError(
            f"{name}: base_url {parts.scheme}://{host} is not https, and photographs and keys would be read on the way",
            reason="not-https",
            remedy=f"use https; for a server of your own network that wants no key: export {ALLOWED_HOSTS}={PLAIN}={host}",
        )
    if env is None or (_settable(env) and (env, host) in _allowed()):
        return
    if env not in KEY_HOSTS and not hosts:
        raise ConfigError(
            f"{name}: api_key_env {env} is the key of no provider",
            reason="unknown-key",
            remedy=f"name one of {', '.join(KEY_HOSTS)}" + _how_to_allow(env, host),
        )
    known = (*KEY_HOSTS.get(env, ()), *hosts)
    if not here and not any(host == one or host.endswith(f".{one}") for one in known):
        raise ConfigError(
            f"{name}: the key in {env} is for {', '.join(known) or 'this machine'}, and base_url names {host}",
            reason="key-elsewhere",
            remedy="correct base_url or api_key_env in conf/" + _how_to_allow(env, host),
        )


def _allowed() -> set[tuple[str, str]]:
    said = os.environ.get(ALLOWED_HOSTS, "").replace(",", " ").split()
    return {(variable, host.lower()) for variable, _, host in (one.partition("=") for one in said)}


def _settable(env: str) -> bool:
    """Keys of a cloud or a forge open more than one provider: nothing allows them."""
    return not env.startswith(("AWS_", "GOOGLE_", "AZURE_", "GITHUB_", "GH_", "HF_"))


def _how_to_allow(env: str, host: str) -> str:
    return f"; if you trust {host} with it: export {ALLOWED_HOSTS}={env}={host}" if _settable(env) else ""
