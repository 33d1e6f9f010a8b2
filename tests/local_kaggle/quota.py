"""The weekly accelerator quota."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from kagglesdk.kernels.types.kernels_api_service import (
    ApiAcceleratorQuota,
    ApiGetAcceleratorQuotaStatisticsResponse,
)

from tests.local_kaggle.clock import as_datetime
from tests.local_kaggle.sources import (
    uses_gpu,
)
from tests.local_kaggle.wire import Plain, Reply, to_body

if TYPE_CHECKING:
    from kagglesdk.kaggle_object import KaggleObject

    from tests.local_kaggle.world import Caller, Handlers, World


def _quota(world: World, caller: Caller, request: KaggleObject) -> Reply:
    """The weekly quota; hours used are those of the finished runs since the server's root was made.

    Durations are written by hand, in the JSON form of protobuf: kagglesdk 0.1.37 writes `delta.seconds`, which
    loses whole days (30 h become "21600s"). It reads "108000s" correctly.
    """
    del request
    user = caller.required()
    answer = ApiGetAcceleratorQuotaStatisticsResponse()
    answer.quota_refresh_time = as_datetime(world.clock.now()) + timedelta(days=7)
    answer.gpu_quota, answer.tpu_quota = ApiAcceleratorQuota(), ApiAcceleratorQuota()
    body = to_body(answer)
    for name, hours, spent in (
        ("gpuQuota", world.behaviour.gpu_hours, hours_used(world, user, gpu=True)),
        ("tpuQuota", world.behaviour.tpu_hours, hours_used(world, user, gpu=False)),
    ):
        body[name] = {
            "timeUsed": f"{int(spent * 3600)}s",
            "timeReserved": "0s",
            "totalTimeAllowed": f"{hours * 3600}s",
            "hasEverRun": spent > 0,
        }
    return Plain(body)


def hours_used(world: World, user: str, *, gpu: bool) -> float:
    """Hours of GPU, or of TPU, that the finished runs of an account took."""
    return (
        sum(
            v.finished - v.started
            for n in world.store.notebooks.values()
            for v in n.versions
            if v.creator == user
            and v.started
            and v.finished
            and (uses_gpu(v) if gpu else v.enable_tpu and not uses_gpu(v))
        )
        / 3600
    )


QUOTA: Handlers = {"GetAcceleratorQuotaStatistics": _quota}
