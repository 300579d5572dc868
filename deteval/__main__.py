"""`python -m deteval`."""

from deteval.cli.main import run

if __name__ == "__main__":
    run()
