"""Who calls: tokens, keys, introspection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests
from kagglesdk.kaggle_client import KaggleClient
from kagglesdk.kaggle_env import KaggleEnv
from kagglesdk.security.types.oauth_service import IntrospectTokenRequest

from tests.kaggle_server.actions import dataset, dataset_status

if TYPE_CHECKING:
    from tests.kaggle_server.conftest import Script, Sdk
    from tests.local_kaggle import LocalKaggle


def introspect(client: KaggleClient, token: str) -> tuple[bool, str]:
    request = IntrospectTokenRequest()
    request.token = token
    answer = client.security.oauth_client.introspect_token(request)
    return answer.active, answer.username


def test_a_token_is_introspected(kaggle: LocalKaggle, sdk: Sdk) -> None:
    client = sdk()

    assert introspect(client, kaggle.token) == (True, "tester")
    assert introspect(client, "nonsense") == (False, "")
    kaggle.behave(inactive_token=401)
    with pytest.raises(requests.HTTPError):
        introspect(client, "nonsense")


def test_an_expired_token_is_worth_nothing(kaggle: LocalKaggle, sdk: Sdk) -> None:
    client = sdk()
    kaggle.expire_token()

    assert introspect(client, kaggle.token) == (False, "")
    with pytest.raises(requests.HTTPError, match="Unauthenticated") as refused:
        dataset_status(client, "tester/my-data")
    assert refused.value.response.status_code == 401


def test_an_older_api_key_signs_in_too(kaggle: LocalKaggle, sdk: Sdk) -> None:
    del sdk  # its environment is what the client below needs
    kaggle.add_key("tester", "k-1")
    kaggle.add_dataset("tester/my-data", {"a.txt": "1"})

    with KaggleClient(env=KaggleEnv.LOCAL, username="tester", password="k-1") as client:
        assert dataset(client, "tester/my-data").ref == "tester/my-data"
    with (
        KaggleClient(env=KaggleEnv.LOCAL, username="tester", password="wrong") as client,
        pytest.raises(requests.HTTPError, match="Unauthenticated"),
    ):
        dataset(client, "tester/my-data")


def test_without_credentials_the_clients_say_so(kaggle: LocalKaggle, script: Script) -> None:
    kaggle.expire_token()

    script("""
        import kagglehub
        from kagglehub.exceptions import UnauthenticatedError
        try:
            kagglehub.whoami()
        except UnauthenticatedError:
            pass
        else:
            raise AssertionError
    """)


def test_each_user_is_somebody_else(kaggle: LocalKaggle, script: Script) -> None:
    assert "{'username': 'mate'}" in script("import kagglehub; print(kagglehub.whoami())", user="mate")
    assert kaggle.requests(method="Hello")[0].user == "mate"
