"""Where the time of a `pulumi up` went, and what held the end of it up."""
