"""Optimisers, schedules, losses, mixing, averaging and freezing."""
