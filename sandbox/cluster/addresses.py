"""The network of a real control plane: names and addresses in its namespaces."""

BRIDGE = "pods"
CONTROL_PLANE = "control-plane"
"""The network namespace of the control plane, for `ip netns`."""
API_SERVER = "10.4.0.1"
"""The control plane's address on the bridge of the Pods; the API server listens there."""
GATEWAY = "10.4.0.2"
"""The machine's own address on the bridge: the way to Services, for Pods."""
POD_NETWORK = "10.4.0.0/14"
INTERNET = "203.0.113.0/24"
"""Addresses for documentation, in place of the internet's."""
PREFIX_LENGTH = POD_NETWORK.partition("/")[2]
