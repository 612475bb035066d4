"""How many there may be of what a stack file counts."""

MAX_REPLICAS = 5
"""Up to here Istio's charts let istiod and the gateway proxy grow by themselves."""
