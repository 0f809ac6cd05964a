"""Faults on demand: by share or by script, the same for the same seed.

{"maxstudio.swap": {"rate_limit": 0.1, "drop_after": {"share": 0.05, "reset": True}},   shares
 "xai.*": {"latency": {"share": 1, "s": 0.2}},                                          patterns
 "openai.chat": ["server_error", None, {"fault": "latency", "s": 2}]}                    the next three calls
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

When = Literal["delay", "before", "after", "text", "job"]

JOBS = ("maxstudio.swap", "maxstudio.enhance")
"""Endpoints that start a job."""

BATCHES = ("xai.batch_add", "xai.batches")
"""Endpoints that start a batch, which fails or sticks as a whole."""


@dataclass(frozen=True)
class Kind:
    """`when` it strikes: before the work is booked, after it, in the caption's text, or in the job it started;
    `only` at these endpoints (none named: at all)."""

    when: When
    parameters: dict[str, Any] = field(default_factory=dict)
    only: tuple[str, ...] = ()


KINDS = {
    "latency": Kind("delay", {"s": 0.2}),
    "rate_limit": Kind("before"),
    "rate_limit_after": Kind("before", {"s": 1, "date": False}),
    "credits": Kind("before"),
    "server_error": Kind("before", {"status": 500}),
    "forbidden": Kind("before"),
    "drop_before": Kind("before", {"reset": False}),
    "drop_after": Kind("after", {"reset": False}),
    "truncated": Kind("after"),
    "malformed": Kind("after"),
    "wrong_type": Kind("after"),
    "drip": Kind("after", {"bytes": 1, "every_s": 0.5}),
    "giant": Kind("after", {"mb": 100_000}),
    "nonsense": Kind("text", only=("xai.responses", "openai.chat")),
    "job_fails": Kind("job", {"error": "Internal error"}, only=JOBS + BATCHES),
    "job_stuck": Kind("job", only=JOBS + BATCHES),
    "job_vanishes": Kind("job", only=JOBS),
    "result_expires": Kind("job", only=("maxstudio.swap",)),
    "wrong_size": Kind("job", {"scale": 1.5}, only=("maxstudio.enhance",)),
}

TRANSIENT = (
    "rate_limit", "rate_limit_after", "server_error", "drop_before", "drop_after", "truncated", "malformed",
    "wrong_type", "drip", "giant",
)  # fmt: skip
"""What may befall any request of a sound account."""

Spec = Mapping[str, Mapping[str, Any] | Sequence[Any]]


@dataclass(frozen=True)
class Fault:
    """One fault about to strike."""

    name: str
    parameters: dict[str, Any]

    @property
    def when(self) -> When:
        return KINDS[self.name].when


@dataclass(frozen=True)
class Drawn:
    """What befalls one request: at most one fault of its answer and one of its job."""

    delay_s: float = 0.0
    answer: Fault | None = None
    job: Fault | None = None


def mixture(share: float, **parameters: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Faults of every kind: `share` of all requests are spoiled, and `share` of all jobs; parameters by kind."""

    def each(kinds: Sequence[str]) -> dict[str, Any]:
        return {kind: {"share": share / len(kinds), **parameters.get(kind, {})} for kind in kinds}

    jobs = {
        name: [kind for kind, it in KINDS.items() if it.when == "job" and _fits(kind, name)] for name in JOBS
    }
    late = {"latency": {"share": share, **parameters.get("latency", {})}}
    return {"*": {**each(TRANSIENT), **late}, **{name: each(kinds) for name, kinds in jobs.items()}}


class Faults:
    """Draws the fault of each call: the n-th call of an endpoint meets the same one under the same seed."""

    def __init__(self, spec: Spec, seed: int) -> None:
        self.applied: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.set(spec, seed)

    def set(self, spec: Spec, seed: int) -> None:
        """Replace all of them.

        Raises:
            ValueError: a fault or a parameter that does not exist, or shares of more than 1 together.
        """
        shares = {name: _shares(name, value) for name, value in spec.items() if isinstance(value, Mapping)}
        scripts = {
            name: [_entry(one) for one in value]
            for name, value in spec.items()
            if not isinstance(value, Mapping)
        }
        self.spec, self._seed, self._shares, self._scripts = spec, seed, shares, scripts
        self._calls: Counter[str] = Counter()

    def draw(self, endpoint: str) -> Drawn:
        """What befalls the next call."""
        self._calls[endpoint] += 1
        for pattern, script in self._scripts.items():
            if script and fnmatchcase(endpoint, pattern):
                drawn = _scripted(script.pop(0))
                break
        else:
            drawn = self._by_share(endpoint)
        struck = [fault.name for fault in (drawn.answer, drawn.job) if fault]
        self.applied[endpoint].update([*struck, *(["latency"] if drawn.delay_s else [])])
        return drawn

    def _by_share(self, endpoint: str) -> Drawn:
        shares: dict[str, tuple[float, Fault]] = {}
        for pattern in sorted(self._shares, key=len):
            if fnmatchcase(endpoint, pattern):
                shares |= {kind: it for kind, it in self._shares[pattern].items() if _fits(kind, endpoint)}
        found: dict[str, Fault | None] = {}
        for group, whens in (("delay", {"delay"}), ("answer", {"before", "after", "text"}), ("job", {"job"})):
            mine = [it for it in shares.values() if it[1].when in whens]
            found[group] = _pick(mine, self._uniform(endpoint, group))
        late = found["delay"]
        return Drawn(late.parameters["s"] if late else 0.0, found["answer"], found["job"])

    def _uniform(self, endpoint: str, group: str) -> float:
        text = f"{self._seed} {endpoint} {self._calls[endpoint]} {group}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big") / 2**56


def _pick(shares: list[tuple[float, Fault]], uniform: float) -> Fault | None:
    for share, fault in shares:
        if uniform < share:
            return fault
        uniform -= share
    return None


def _scripted(fault: Fault | None) -> Drawn:
    if fault is None:
        return Drawn()
    if fault.when == "delay":
        return Drawn(delay_s=fault.parameters["s"])
    return Drawn(job=fault) if fault.when == "job" else Drawn(answer=fault)


def _shares(pattern: str, value: Mapping[str, Any]) -> dict[str, tuple[float, Fault]]:
    found: dict[str, tuple[float, Fault]] = {}
    for name, given in value.items():
        parameters = dict(given) if isinstance(given, Mapping) else {"share": given}
        found[name] = (float(parameters.pop("share", 1)), _fault(name, parameters))
    for whens in ({"before", "after", "text"}, {"job"}):
        if (together := sum(share for share, fault in found.values() if fault.when in whens)) > 1 + 1e-9:
            raise ValueError(f"{pattern}: shares of {together:g} together")
    return found


def _entry(given: Any) -> Fault | None:
    if given is None:
        return None
    if isinstance(given, str):
        return _fault(given, {})
    parameters = dict(given)
    return _fault(parameters.pop("fault"), parameters)


def _fault(name: str, parameters: dict[str, Any]) -> Fault:
    if name not in KINDS:
        raise ValueError(f"no fault {name!r}; there are {', '.join(KINDS)}")
    known = KINDS[name].parameters
    if strange := set(parameters) - set(known):
        raise ValueError(f"{name} takes {sorted(known)}, not {sorted(strange)}")
    return Fault(name, {**known, **parameters})


def _fits(kind: str, endpoint: str) -> bool:
    return not KINDS[kind].only or endpoint in KINDS[kind].only
