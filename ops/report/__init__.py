"""What a preview or a refresh says that changes, for a pull request or an issue."""
