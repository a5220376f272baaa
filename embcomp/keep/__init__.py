"""Compression to a share of the source's quality that is to be kept: which method, and how many bits."""
