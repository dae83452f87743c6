"""What each `farm` command does, free of the command line's syntax."""
