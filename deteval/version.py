"""The version of deteval."""

VERSION = "0.1.0"
