"""What is watched: queries, dashboard, alerts."""
