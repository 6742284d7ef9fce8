"""Figures and self-contained HTML pages, from plain data; this room knows no model."""
