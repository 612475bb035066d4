"""Runs any stack of this project with no cloud, or on a real control plane with no machine but this one.

`engine/` finds or builds the Pulumi engine and runs a stack on it, `clouds/` simulates Google Cloud and Kubernetes,
`cluster/` is a real control plane, `programs/` what runs in place of images, `build/` makes all of it. Nothing is
imported here, because `python3 -m sandbox.engine.pulumi_cli` must run before any package is installed.
"""
