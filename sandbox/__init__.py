"""Runs any stack of this project with no cloud: the real Pulumi engine on simulated Google Cloud and Kubernetes.

`sandbox/cli.py` finds or builds the engine, `stack.py` drives it, `provider.py` answers it, `google.py` and
`kubernetes.py` decide what the clouds would say, and `world.py` remembers it. `infra/` knows nothing of all this.
Nothing is imported here, because `python3 -m sandbox.cli` must run before any package is installed.
"""
