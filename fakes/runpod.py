"""RunPod's API v2 as far as likeness calls it: the catalogue, what bills and what was billed, ending a pod; with its odd moments.

A pod is of `settings.runpod_pods`; one that is ended leaves the list, unless the server says yes and does nothing. `scoped:POD` is a
pod's own key, which may end that pod and nothing else.
"""

from typing import Any

from aiohttp import web

from fakes.settings import Settings

GPUS = {
    "NVIDIA GeForce RTX 4090": (0.60, 0.34),
    "NVIDIA L40S": (1.40, 0.79),
    "NVIDIA A100 80GB PCIe": (1.79, 1.19),
    "NVIDIA H100 80GB HBM3": (3.99, 2.69),
}
"""Dollars an hour: secure, community."""


class RunPod:
    """One account."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def routes(self) -> list[web.RouteDef]:
        """The endpoints."""
        at = "/runpod/v2"
        return [
            web.get(f"{at}/catalog/gpus", self._gpus, name="runpod.gpus"),
            web.get(f"{at}/pods", self._pods, name="runpod.pods"),
            web.get(f"{at}/billing/pods", self._bills, name="runpod.bills"),
            web.delete(f"{at}/pods/{{pod}}", self._delete, name="runpod.delete"),
        ]

    async def _gpus(self, request: web.Request) -> web.Response:
        if refusal := self._refusal(request):
            return refusal
        gpus = [
            {
                "id": name,
                "memory": 24,
                "price": {"secure": secure, "community": community, "serverless": None},
                "maxCount": 8,
                "availability": "NONE" if name in self._settings.runpod_no_stock else "HIGH",
            }
            for name, (secure, community) in GPUS.items()
        ]
        return web.json_response({"gpus": gpus})

    async def _pods(self, request: web.Request) -> web.Response:
        if refusal := self._refusal(request):
            return refusal
        pods, size = self._settings.runpod_pods, self._settings.runpod_page
        at = int(request.query.get("cursor", 0))
        more = at + size < len(pods)
        page = {"hasNextPage": more, "nextCursor": str(at + size) if more else None}
        return web.json_response({"pods": pods[at : at + size], "pagination": page})

    async def _bills(self, request: web.Request) -> web.Response:
        if refusal := self._refusal(request):
            return refusal
        asked = request.query
        if unknown := sorted(set(asked) - {"podId", "startTime", "endTime", "bucketSize", "lastN"}):
            return _problem(400, "Bad Request", f"{unknown[0]} is not allowed")
        if ("startTime" in asked) != ("endTime" in asked):
            return _problem(400, "Bad Request", "startTime and endTime must be provided together")
        if (size := asked.get("bucketSize", "day")) not in self._settings.runpod_buckets:
            return _problem(400, "Bad Request", f"bucketSize {size} is not allowed")
        pod = asked.get("podId")
        records = [one for one in self._settings.runpod_bills if pod is None or one["podId"] == pod]
        return web.json_response({"records": records, "metadata": {"recordCount": len(records)}})

    async def _delete(self, request: web.Request) -> web.Response:
        pod = request.match_info["pod"]
        if refusal := self._refusal(request, may=pod):
            return refusal
        if all(one["id"] != pod for one in self._settings.runpod_pods):
            return _problem(404, "Not Found", f"no pod {pod}")
        if not self._settings.runpod_does_nothing:
            self._settings.runpod_pods = [one for one in self._settings.runpod_pods if one["id"] != pod]
        return web.Response(status=204)

    def _refusal(self, request: web.Request, may: str | None = None) -> web.Response | None:
        key, given = self._settings.keys.get("runpod"), request.headers.get("authorization", "")
        if given.startswith("Bearer scoped:"):
            own = given == f"Bearer scoped:{may}"
            return None if own else _problem(403, "Forbidden", "the key is one of a pod")
        if key and given != f"Bearer {key}":
            return _problem(401, "Unauthorized", "the key is not valid")
        return None


def _problem(status: int, title: str, detail: str) -> web.Response:
    body: dict[str, Any] = {"title": title, "status": status, "detail": detail}
    return web.json_response(body, status=status, content_type="application/problem+json")
