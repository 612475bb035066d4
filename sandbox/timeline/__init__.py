"""How long a stack would take to its first token: the real engine's graph, and how long each part takes elsewhere."""
