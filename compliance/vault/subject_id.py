"""What the vault calls somebody, and all else too: 128 bits of chance, nothing of a person."""

import re
from typing import Final

SUBJECT_ID: Final = re.compile(r"s-[0-9a-f]{32}\Z")
