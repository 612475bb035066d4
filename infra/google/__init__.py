"""The Google Cloud half: network, cluster, node pools."""
