"""Where the data folders are: beside the source tree, or inside an installed wheel."""

import os
from importlib import resources
from pathlib import Path

from engine.model.errors import OperatorError


def data_file(kind: str, name: str) -> Path:
    """Path of `name` in data folder `kind` ("config" or "fix_dictionaries").

    Looks in $FIXGATE_DATA/<kind>, then beside the source tree, then in the installed package.
    Raises OperatorError naming the places that were searched.
    """
    root = Path(__file__).resolve().parent.parent
    places = [root / kind, Path(str(resources.files("gateway"))) / "_data" / kind]
    if override := os.environ.get("FIXGATE_DATA"):
        places.insert(0, Path(override) / kind)
    for place in places:
        if (place / name).is_file():
            return place / name
    searched = ", ".join(str(p) for p in places)
    raise OperatorError(f"no {kind}/{name}; looked in {searched}")
