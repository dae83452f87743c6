"""What the user sees while the farm works: live in a terminal, plain lines in a file or in CI."""
