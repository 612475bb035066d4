"""What of a stack compiles for its TPU: the compiler that the vLLM image has, on a CPU, with no TPU and no weights.

Two halves, as the compiler's packages do not go with the program's. In the project's virtualenv: `cases.py` says what
each stack asks of vLLM, `environment.py` installs the other half, `report.py` judges its answers and `__main__.py` puts
it together. In `sandbox/tpu/.venv`: `compiler.py` compiles what `model.py` makes of a case from tpu-inference's own
classes, without vLLM and torch, for which `stubs.py` stands in. Nothing is imported here, as both halves begin here.

What it leaves out: the pixels of multimodal models, LoRA, speculative decoding, quantised weights, sampling, and models
that tpu-inference runs through torchax. The first bucket, the largest for decoding and the last are compiled, not all.
"""
