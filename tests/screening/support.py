"""A venue's configuration that names a list and a vault."""

import yaml

from tests.screening.test_ofac import ALT, SDN
from tests.support.venue import CONFIG


def configured(folder):
    """The demo's configuration, with a list beside it, and a vault whose keys are in `etc`."""
    tree = yaml.safe_load((CONFIG / "demo.yaml").read_text())
    tree["compliance"]["screening"] = {"lists": [{"source": "OFAC SDN", "folder": "sdn"}]}
    tree["compliance"]["vault"] = {"keys": "etc/keys", "password_file": "etc/password"}
    (folder / "sdn").mkdir()
    (folder / "sdn" / "sdn.csv").write_text(SDN)
    (folder / "sdn" / "alt.csv").write_text(ALT)
    path = folder / "venue.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path
