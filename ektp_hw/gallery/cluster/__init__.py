# SPDX-License-Identifier: Apache-2.0
"""A gallery on more than one process or machine, with the results of one.

::

    with Gallery.connect("ray://local?path=people&workers=4") as gallery:
        answer = gallery.search(template)       # the candidates, as ever
        print(answer.people, answer.enrolled)   # how many were looked at
        for pair in gallery.deduplicate(ledger="night.ledger"):
            print(pair.a, pair.b, pair.score)
        gallery.resize(8)

`address` says how to write where the workers are. People are cut into `blocks` by enrolment
number; `assignment` says which worker answers for which; a worker is a `shard`, with `holdings` to
read, the `stages` of searches and some `prepared_blocks`; `executor`, `processes` and `ray_workers`
run them; `search` asks them, one question after the other, by a `scatter` each; `block_pairs`
compares block with block and enters it in a `ledger`. Nothing but `ray_workers` knows Ray.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

from ektp_hw.gallery.cluster.address import ClusterAddress, is_cluster, parse
from ektp_hw.gallery.cluster.gallery import ClusterGallery
from ektp_hw.gallery.cluster.search import SearchAnswer
from ektp_hw.gallery.described import Described

if TYPE_CHECKING:
    from ektp_hw.gallery.cluster.executor import Executor
    from ektp_hw.gallery.columns import Description
    from ektp_hw.gallery.pair_sieve import Sieve
    from ektp_hw.gallery.references import Comparison

__all__ = [
    "ClusterAddress",
    "ClusterGallery",
    "SearchAnswer",
    "connect",
    "is_cluster",
    "parse",
]


def connect(
    address: str,
    *,
    create: bool = True,
    read_only: bool = False,
    secret: str | bytes | None = None,
    description: Description | None = None,
    actor: str | None = None,
    comparison: Comparison | None = None,
    sieve: Sieve | None = None,
) -> ClusterGallery:
    """Open a gallery and give it workers.

    Parameters
    ----------
    address
        As the module `address` says.
    create, read_only, secret, description, actor
        As in `Gallery.open`. The secret of an encrypted gallery is told to the workers, by Ray over
        its network: have Ray use TLS.
    comparison, sieve
        As in `Gallery.open`; workers must be able to import them by name.

    Raises
    ------
    ValueError
        If the address cannot be understood.
    TypeError
        If comparison or sieve cannot be sent to a worker.
    GalleryError
        As `Gallery.open`, or if the workers cannot be had.
    """
    where = parse(address)
    try:
        pickle.dumps((comparison, sieve))
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise TypeError(
            f"workers cannot import this comparison or sieve by name ({error})"
        ) from error
    gallery = ClusterGallery.open(
        where.path,
        create=create,
        read_only=read_only,
        secret=secret,
        description=Described() if description is None else description,
        actor=actor,
    )
    try:
        path = str(gallery.path.resolve())
        shard = (path, gallery.identity, where.block, comparison, secret)
        executor = _workers(where, shard)
        try:
            gallery.employ(
                executor,
                block_size=where.block,
                replicas=where.replicas,
                deadline=where.deadline,
                sieve=sieve,
            )
        except BaseException:
            executor.close()
            raise
    except BaseException:
        gallery.close()
        raise
    return gallery


def _workers(where: ClusterAddress, shard: tuple[Any, ...]) -> Executor:
    names = tuple(f"worker {number}" for number in range(1, where.workers + 1))
    if where.scheme == "ray":
        from ektp_hw.gallery.cluster.ray_workers import RayExecutor

        return RayExecutor(where.head, shard, names)
    from ektp_hw.gallery.cluster.processes import ProcessExecutor

    return ProcessExecutor(shard, names)
