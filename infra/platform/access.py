"""Who may ask, as Istio's policies at the gateway."""

import json
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import pulumi

from infra.settings.access import PublicKey, TokenIssuer, issuer
from infra.settings.model import Model
from infra.settings.schema import Settings

from .gateway import Gateway
from .names import base_path
from .policies import policy
from .refusals import REVOKED, patch

AUTHORIZATION = [{"name": "Authorization", "prefix": "Bearer "}]
"""Where a key may stand. Without it, Envoy would take one from the URL too, which logs and histories keep."""
MODELS = "request.auth.claims[models]"
TOKEN_ID = "request.auth.claims[jti]"  # noqa: S105 - the name of a claim
HEALTH = "/health"


def signatures(ours: str, keys: Sequence[PublicKey], others: Iterable[TokenIssuer]) -> list[dict[str, Any]]:
    """The `jwtRules`: whose tokens are checked, with which keys, and for whom they must be.

    A token that does not stand the check is refused by whoever has it, also at a path that wants none; none at all
    passes, for the policies to judge. The token is not passed on to the model.
    """
    own = {"issuer": ours, "audiences": [ours], "jwks": json.dumps({"keys": [key.jwk for key in keys]})}
    theirs = [{"issuer": o.issuer, "audiences": list(o.audiences), "jwksUri": o.jwks_uri} for o in others]
    return [{**rule, "fromHeaders": AUTHORIZATION} for rule in [*([own] if keys else []), *theirs]]


def plain_http(settings: Settings) -> list[dict[str, Any]]:
    """The rule for port 80 beside HTTPS: everyone may be led to HTTPS, and Let's Encrypt read its challenge. No model
    answers there."""
    return [] if settings.tls == "none" else [{"to": [{"operation": {"ports": ["80"]}}]}]


def allowed(issuers: Iterable[str], models: Iterable[Model]) -> list[dict[str, Any]]:
    """The rules of what is allowed; nothing else is.

    Health, to everyone. The rest, to whoever has a token of one of the issuers: with no claim `models`, all of it, and
    the route says what there is; with it, what is below the base paths that it names. A claim that names nothing, an
    empty list, is as none: `ops keys` makes no such token.
    """
    paths = {f"{model.namespace}/{model.name}": base_path(model.namespace, model.name) for model in models}
    health = {"paths": [path + HEALTH for path in paths.values()], "methods": ["GET", "HEAD"]}
    rules: list[dict[str, Any]] = [{"to": [{"operation": health}]}]
    holders = [{"source": {"requestPrincipals": [f"{name}/*" for name in issuers]}}]
    if not holders[0]["source"]["requestPrincipals"]:
        return rules
    rules.append({"from": holders, "when": [{"key": MODELS, "notValues": ["*"]}]})
    for name, path in paths.items():
        below = [{"operation": {"paths": [f"{path}/*"]}}]
        rules.append({"from": holders, "to": below, "when": [{"key": MODELS, "values": [name]}]})
    return rules


def revoked(ours: str, ids: Sequence[str]) -> list[dict[str, Any]]:
    """The rules of what is refused although its signature is good; those ids are our tokens' alone."""
    holders = [{"source": {"requestPrincipals": [f"{ours}/*"]}}]
    return [{"from": holders, "when": [{"key": TOKEN_ID, "values": list(ids)}]}] if ids else []


class Access(pulumi.ComponentResource):
    """Keys at the gateway: nobody without one gets further, neither to an endpoint picker nor to a model.

    Makes a `RequestAuthentication` with the public keys, an `AuthorizationPolicy` that allows nothing, one for what is
    allowed, one for revoked tokens if there are any, and the `EnvoyFilter` that words the refusals. All are bound to
    the Gateway, so they hold for whatever route it has. It holds no secret, and makes none.

    A change of the keys or tokens is an update in place, which istiod sends to the proxies within a second or so. Envoy
    gives a token 60 seconds more at both ends of its time, for clocks that differ.

    `cluster` is the cluster's id; another one replaces everything.
    """

    def __init__(
        self,
        name: str,
        *,
        settings: Settings,
        cluster: pulumi.Input[str],
        gateway: Gateway,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("gke-tpu-inference:infra:Access", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, replacement_trigger=cluster)
        bound = partial(policy, gateway=gateway.name, namespace=gateway.namespace, opts=child)
        ours = issuer(settings.project, pulumi.get_stack())
        rules = signatures(ours, settings.token_public_keys, settings.token_issuers)
        ids = [token.id for token in settings.tokens if token.revoked]
        bound("RequestAuthentication", "keys", {"jwtRules": rules})
        bound("AuthorizationPolicy", "nothing", {})
        allowing = [*allowed([rule["issuer"] for rule in rules], settings.models), *plain_http(settings)]
        bound("AuthorizationPolicy", "keys", {"action": "ALLOW", "rules": allowing})
        if denying := revoked(ours, ids):
            bound("AuthorizationPolicy", REVOKED, {"action": "DENY", "rules": denying})
        bound("EnvoyFilter", "refusals", {"configPatches": [patch()]})
        self.register_outputs({})
