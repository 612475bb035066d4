"""The Cloud Billing catalogue, as the client library's own REST transport sees it.

The client, its requests and its messages are Google's; in place of the network answers `Catalogue.send`, two entries a
page. It refuses a service that is not there and, `denied`, everything. It leaves out services, currencies and history.
"""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import billing_v1
from requests.adapters import BaseAdapter

PAGE = 2


def sku(description: str, region: str, usd: float, usage: str = "OnDemand", free: float = 0) -> billing_v1.Sku:
    """An entry, whose first `free` units cost nothing."""

    def step(amount: float, start: float) -> dict[str, Any]:
        units, nanos = divmod(round(amount * 1e9), 10**9)
        return {"start_usage_amount": start, "unit_price": {"units": units, "nanos": nanos, "currency_code": "USD"}}

    steps = [step(0, 0), step(usd, free)] if free else [step(usd, 0)]
    return billing_v1.Sku(
        description=description,
        category={"usage_type": usage},
        service_regions=[region],
        pricing_info=[{"pricing_expression": {"tiered_rates": steps}}],
    )


class Catalogue(BaseAdapter):
    """The entries of each service, by its id; `asked` are the services in order, one for each page."""

    def __init__(self, **services: list[billing_v1.Sku]) -> None:
        super().__init__()
        self.services = {name.replace("_", "-").removeprefix("S"): skus for name, skus in services.items()}
        self.denied = False
        self.asked: list[str] = []

    def client(self) -> billing_v1.CloudCatalogClient:
        """A client that talks to it."""
        kind: Any = billing_v1.CloudCatalogClient.get_transport_class("rest")
        transport = kind(credentials=AnonymousCredentials())
        transport._session.mount("https://", self)
        return billing_v1.CloudCatalogClient(transport=transport)

    def close(self) -> None:
        """Nothing is open."""

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Answer a request for a page."""
        url = urlsplit(str(request.url))
        service = url.path.split("/services/")[1].split("/")[0]
        self.asked.append(service)
        answer = requests.Response()
        answer.request, answer.url = request, str(request.url)
        if self.denied or service not in self.services:
            answer.status_code = 403 if self.denied else 404
            error = {"code": answer.status_code, "message": "API has not been used" if self.denied else "no service"}
            answer._content = json.dumps({"error": error}).encode()
            return answer
        start = int(dict(parse_qsl(url.query)).get("pageToken", 0))
        skus = self.services[service]
        more = str(start + PAGE) if start + PAGE < len(skus) else ""
        page = billing_v1.ListSkusResponse(skus=skus[start : start + PAGE], next_page_token=more)
        answer.status_code, answer._content = 200, billing_v1.ListSkusResponse.to_json(page).encode()
        return answer
