"""Recurrent language processing."""
