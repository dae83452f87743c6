"""The two YAML files of a run, inventory and experiment, as frozen values; every mistake with its line."""
