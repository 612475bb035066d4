"""The Pulumi engine: found or built, run on a stack, served by providers, interrupted."""
