"""Figures and self-contained HTML pages, from plain data; nothing here depends on a model."""
