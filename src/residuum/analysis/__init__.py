"""Inspect a trained network: functions of a model and data that return plain numbers."""
