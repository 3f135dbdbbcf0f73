"""A firm that screens names, in the configuration: where names may go, and what is refused."""

import pytest

from engine.model.errors import ConfigError
from tests.gateway.support import VENUE, configured

GOOD = {
    "name": "vet", "url": "https://vet.example/v1/questions", "secrets_files": "[etc/vet]",
    "lists": '"2026-11"',
}  # fmt: skip


def with_firm(folder, screening="", **changed):
    rows = "".join(f"    {key}: {value}\n" for key, value in {**GOOD, **changed}.items())
    part = f"compliance:\n  origin: a.example/log\n{screening}  provider:\n{rows}"
    return configured(folder, VENUE + part)


@pytest.mark.parametrize(
    "url",
    ["https://vet.example", "https://vet.example:8443/a?b=c", "http://127.0.0.1:9/a",
     "http://127.9.9.9/", "http://[::1]:80/", "http://localhost:1/"],
)  # fmt: skip
def test_names_go_over_https_or_stay_on_this_host(tmp_path, url):
    found = with_firm(tmp_path, url=url).compliance.provider
    assert (found.url, found.bind) == (url, "127.0.0.1")


@pytest.mark.parametrize(
    ("path", "text", "changed"),
    [
        ("url", "only https may leave this host", {"url": "http://vet.example/"}),
        ("url", "only https may leave this host", {"url": "http://10.0.0.1/"}),
        ("url", "only https may leave this host", {"url": "http://127.0.0.1.vet.example/"}),
        ("url", "only https may leave this host", {"url": "http://localhost.vet.example/"}),
        ("url", "needs a host, and has no user", {"url": "https://a:b@vet.example/"}),
        ("url", "needs a host, and has no user", {"url": "http://127.0.0.1@vet.example/"}),
        ("url", "needs a host", {"url": "https:///a"}),
        ("url", "needs a host", {"url": "https://vet.example/#a"}),
        ("url", "needs a host", {"url": "https://vet.example:0/"}),
        ("url", "is no URL", {"url": "https://vet.example:x/"}),
        ("url", "is no URL", {"url": "https://[::1/"}),
        ("url", "expected an address of https://", {"url": "ftp://vet.example/"}),
        ("url", "expected an address of https://", {"url": "https://vét.example/"}),
        ("name", "expected 1 to 32 of a-z 0-9 -", {"name": "Vet/.."}),
        ("bind", "must be an IP address", {"bind": "vet.example"}),
        ("secrets_files", "length >= 1", {"secrets_files": "[]"}),
        ("secrets_files", "length <= 4", {"secrets_files": "[a, b, c, d, e]"}),
        ("lists", "length >= 1", {"lists": '""'}),
    ],
)
def test_what_is_wrong_is_named_by_its_path(tmp_path, path, text, changed):
    with pytest.raises(ConfigError, match=text) as caught:
        with_firm(tmp_path, **changed)
    assert caught.value.path == f"compliance.provider.{path}"


def test_a_firm_and_a_list_have_two_names(tmp_path):
    lists = "  screening: {lists: [{source: vet, folder: sdn}]}\n"
    with pytest.raises(ConfigError, match="vet is the source of a list, too") as caught:
        with_firm(tmp_path, lists)
    assert caught.value.path == "compliance.provider.name"
