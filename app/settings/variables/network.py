"""Network settings from the environment: proxies, and trusted certificates.

Proxies of the environment are only used if `[upstreams] use_environment_proxies` is set: else a
variable set for another purpose would expose every prompt. As elsewhere (curl, Go, requests)
`https_proxy` is for https:// addresses, `http_proxy` for http://, `all_proxy` for both, lower case
first; `no_proxy` lists hosts, domains (`house.in`, `.house.in`, `*.house.in`), networks
(`10.0.0.0/8`, for addresses in numbers) and `*`. Loopback is never reached by a proxy.

REQUESTS_CA_BUNDLE, else CURL_CA_BUNDLE, else SSL_CERT_FILE, names a file of certificates that
replace the usual authorities. A provider's own setting in gateway.toml takes precedence.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined] # it is there

from app.settings import readers
from app.settings.errors import SettingsError
from app.settings.tables import fault_of_certificates

PROXY_VARIABLES = ("https_proxy", "http_proxy", "all_proxy")
CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSettings:
    """Network settings. `proxies` are by scheme, "http" and "https"; empty if they are not used.

    `unused` are the names of variables that name a proxy which is not to be used. `ca_variable` is
    the one that names `ca_file`.
    """

    proxies: Mapping[str, str] = field(default_factory=dict, repr=False)
    bypassed: str = ""
    unused: tuple[str, ...] = ()
    ca_file: Path | None = None
    ca_variable: str | None = None

    def proxy_of(self, url: str) -> str | None:
        """Return the proxy for a URL, None if there is none."""
        parts = urlsplit(url)
        proxy, host = self.proxies.get(parts.scheme), parts.hostname or ""
        if proxy is None or _is_loopback(host):
            return None
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if _is_in_networks(host, self.bypassed):
            return None
        # The standard library's interpretation of no_proxy, with the port and without.
        names = self.bypassed.replace("*.", ".")
        is_bypassed = proxy_bypass_environment(f"{host}:{port}", {"no": names})
        return None if is_bypassed else proxy


def read_network(environ: Mapping[str, str], *, uses_proxies: bool) -> NetworkSettings:
    """Read the network settings.

    Raises:
        SettingsError: a variable in use is not a valid proxy, or not a file of certificates.
    """
    found = {name: variable for name in PROXY_VARIABLES if (variable := _given(environ, name))}
    ca_variable = next((name for name in CA_VARIABLES if environ.get(name, "").strip()), None)
    ca_file = None if ca_variable is None else _ca_file(environ, ca_variable)
    if not uses_proxies:
        unused = tuple(found.values())
        return NetworkSettings(unused=unused, ca_file=ca_file, ca_variable=ca_variable)
    proxies = {}
    for scheme in ("http", "https"):
        variable = found.get(f"{scheme}_proxy") or found.get("all_proxy")
        if variable is not None:
            proxies[scheme] = _proxy(environ, variable)
    no_proxy = _given(environ, "no_proxy")
    return NetworkSettings(
        proxies=proxies,
        bypassed=environ[no_proxy] if no_proxy else "",
        ca_file=ca_file,
        ca_variable=ca_variable,
    )


def _given(environ: Mapping[str, str], name: str) -> str | None:
    """Return the variable of this name that is set, in lower or upper case."""
    return next((each for each in (name, name.upper()) if environ.get(each, "").strip()), None)


def _proxy(environ: Mapping[str, str], variable: str) -> str:
    text = environ[variable].strip()
    try:
        return str(readers.proxy_url(text if "://" in text else f"http://{text}"))
    except ValueError as error:
        raise SettingsError(
            f"{variable} {error}, as long as [upstreams] use_environment_proxies is true"
        ) from None


def _ca_file(environ: Mapping[str, str], variable: str) -> Path:
    file = Path(environ[variable].strip())
    if (fault := fault_of_certificates(file)) is not None:
        raise SettingsError(f"{variable} {fault}")
    return file


def _is_in_networks(host: str, bypassed: str) -> bool:
    """Tell whether a host in numbers is in one of the networks, or addresses, of a `no_proxy`."""
    with suppress(ValueError):
        address = ip_address(host)
        for each in bypassed.split(","):
            with suppress(ValueError):  # it is a name
                if address in ip_network(each.strip().strip("[]"), strict=False):
                    return True
    return False


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost" or host.lower().endswith(".localhost")
