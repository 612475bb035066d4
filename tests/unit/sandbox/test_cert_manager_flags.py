"""cert-manager's stand-in takes the flags and fields of cert-manager 1.21.2, and no others."""

import pytest

from sandbox.programs.cert_manager_flags import RefusedError, check_arguments, check_configuration

HEAD = "apiVersion: controller.config.cert-manager.io/v1alpha1\nkind: {}\n"


@pytest.mark.parametrize(
    ("role", "arguments"),
    [
        ("controller", ["--v=2", "--cluster-resource-namespace=cert-manager", "--leader-election-namespace", "x"]),
        ("controller", ["-v", "--enable-certificate-owner-ref", "--max-concurrent-challenges=60"]),
        ("webhook", ["--secure-port=10250", "--dynamic-serving-dns-names=a", "--dynamic-serving-dns-names=b"]),
        ("cainjector", ["--leader-election-namespace=kube-system"]),
        ("startupapicheck", ["check", "api", "--wait=1m", "-v"]),
    ],
)
def test_flags_of_a_program_are_taken(role: str, arguments: list[str]) -> None:
    check_arguments(role, arguments)


@pytest.mark.parametrize(
    ("role", "arguments", "words"),
    [
        ("controller", ["--enable-gateway-apis"], "unknown flag: --enable-gateway-apis"),
        ("webhook", ["--cluster-resource-namespace=x"], "unknown flag: --cluster-resource-namespace"),
        ("cainjector", ["--secure-port=1"], "unknown flag: --secure-port"),
        ("controller", ["-x"], "unknown shorthand flag: 'x' in -x"),
        ("controller", ["run"], 'unknown command "run" for "controller"'),
        ("startupapicheck", ["check", "all"], 'unknown command "all" for "startupapicheck"'),
        ("controller", ["--leader-elect", "x"], 'unknown command "x" for "controller"'),
    ],
)
def test_flags_of_no_such_program_are_refused_in_its_words(role: str, arguments: list[str], words: str) -> None:
    with pytest.raises(RefusedError) as refused:
        check_arguments(role, arguments)
    assert str(refused.value) == words


def test_configuration_with_known_fields_is_taken() -> None:
    text = HEAD.format("ControllerConfiguration") + "gatewayAPI: {enabled: true}\nfeatureGates: {Anything: true}\n"
    check_configuration("controller", text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            HEAD.format("ControllerConfiguration") + "gatewayAPI: {enable: true}\n",
            'strict decoding error: unknown field "gatewayAPI.enable"',
        ),
        (
            HEAD.format("ControllerConfiguration") + "gateway: 1\nlogging: {level: 2}\n",
            'strict decoding error: unknown field "gateway", unknown field "logging.level"',
        ),
        (
            HEAD.format("WebhookConfiguration"),
            'no kind "WebhookConfiguration" is registered for version "controller.config.cert-manager.io/v1alpha1"',
        ),
    ],
)
def test_configuration_of_unknown_fields_is_refused_as_strict_decoding_does(text: str, words: str) -> None:
    with pytest.raises(RefusedError) as refused:
        check_configuration("controller", text)
    assert str(refused.value) == words
