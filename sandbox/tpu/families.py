"""The families of models that can be checked, for both virtualenvs: nothing is imported here."""

FAMILIES = {"LlamaForCausalLM": "llama3", "Qwen2ForCausalLM": "qwen2", "Qwen3ForCausalLM": "qwen3"}
"""Modules of `tpu_inference.models.jax` by architecture: layers are alike, and take what `model.py` gives."""
