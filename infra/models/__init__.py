"""What serves a model: Pod, endpoint picker, route, and what clients are told."""
