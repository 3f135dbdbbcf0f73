"""A configuration with a part `custody`, on disk, as the commands read it."""

import argparse
from pathlib import Path

import yaml

from tests.custody.test_terms import GOOD

DEMO = Path(__file__).parents[2] / "config/demo.yaml"


def write_config(folder, **custody):
    """The demo's configuration with custody in it; its password file is there too."""
    tree = yaml.safe_load(DEMO.read_text()) | {"custody": {**GOOD, **custody}}
    path = folder / "venue.yaml"
    path.write_text(yaml.safe_dump(tree))
    password = folder / "password"
    password.touch(0o600)
    password.write_text("a password of the test's own\n")
    return path


def run(add_arguments, command, *words):
    """The exit code of a command, its words parsed as the command line parses them."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return command(parser.parse_args([str(word) for word in words]))
