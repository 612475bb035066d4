"""Components and decisions of the inference platform; `__main__.py` composes them."""
