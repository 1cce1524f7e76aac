"""The shipped catalog without the local policy that holds news back: what a test wants to see is sent at once."""

import shutil
from pathlib import Path

from shared.catalog.catalog import Catalog
from shared.catalog.load import POLICIES, SHIPPED, load_catalog
from shared.catalog.policies import Policies


def shipped_at_once() -> Catalog:
    """Return the shipped catalog with the policies of a catalog that has no file of them."""
    shipped = load_catalog(SHIPPED)
    # Not model_copy: it would carry over the look-ups that the catalog has cached.
    return Catalog(**{name: getattr(shipped, name) for name in Catalog.model_fields} | {"policies": Policies()})


def folder_at_once(folder: Path) -> Path:
    """Copy the shipped catalog without its policies into a folder that does not exist yet; return the folder."""
    shutil.copytree(SHIPPED, folder, ignore=shutil.ignore_patterns(POLICIES))
    return folder
