"""What a lake needs from time to time: few large files in place of many small ones, and none that nobody reads.

A snapshot that was published within the window can still be read afterwards, and so can the newest one, however old.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.warehouse import ddl
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline.warehouse.stores.lake import PUB, LakeStore
from marketflows_pipeline.warehouse.stores.seam import CATALOG

KEEPS_SNAPSHOTS = timedelta(days=7)
# A transaction that is being written has files that no snapshot names yet.
_KEEPS_FILES = timedelta(days=1)


def maintain(warehouse: Warehouse, now: datetime) -> int:
    """Merge small files of both lakes, forget old snapshots, and delete files that no snapshot needs.

    Args:
        warehouse: the open lake; writers of all hosts wait meanwhile.
        now: the present, aware.

    Returns:
        How many snapshots are left of what was published.

    Raises:
        UserInputError: if the store is no lake.
    """
    if not isinstance(warehouse.store, LakeStore):
        raise UserInputError('expected a lake to maintain: store = "ducklake" under [warehouse] in config.toml')
    with warehouse.held_back() as cursor:
        for catalog in (CATALOG, PUB):
            for statement in _statements(catalog, now):
                cursor.execute(statement).fetchall()
        ((left,),) = cursor.execute(f"select count(*) from {PUB}.snapshots()").fetchall()
    return int(left)


def _statements(catalog: str, now: datetime) -> Iterator[str]:
    lake = ddl.literal(catalog)
    older, much_older = (ddl.moment(now - kept) for kept in (_KEEPS_FILES, KEEPS_SNAPSHOTS))
    yield f"call ducklake_flush_inlined_data({lake})"
    yield f"call ducklake_expire_snapshots({lake}, older_than => {much_older})"
    yield f"call ducklake_merge_adjacent_files({lake})"
    yield f"call ducklake_rewrite_data_files({lake})"
    yield f"call ducklake_cleanup_old_files({lake}, older_than => {older})"
    yield f"call ducklake_delete_orphaned_files({lake}, older_than => {older})"
