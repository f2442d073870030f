"""Surrogates around another: each changes one aspect of it."""
