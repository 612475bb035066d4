"""Simulated Google Cloud and Kubernetes, and what is published."""
