"""What is installed in the cluster for all models: Istio, KServe, the gateway."""
