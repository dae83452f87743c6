"""Rubbish into everything that reads what others wrote: clean errors, or a value, and nothing else."""
