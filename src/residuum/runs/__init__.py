"""Finished runs: compare, tell apart, repeat over seeds, examine a divergence."""
