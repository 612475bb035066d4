"""Keys of a stack with `auth: tokens`: signed tokens, and their records in the stack file."""
