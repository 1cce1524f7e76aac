"""A certificate authority of a test, made by the openssl command: certificates as mail servers have them."""

import ssl
import subprocess
from pathlib import Path

# Moments long past and far ahead of any clock that the tests run by.
_PAST, _RECENT, _AHEAD = "20200101000000Z", "20210101000000Z", "20990101000000Z"


class Authority:
    """Signs certificates for hosts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.certificate = folder / "ca.pem"
        self._key = folder / "ca.key"
        folder.mkdir()
        (folder / "index").touch()
        (folder / "serial").write_text("01\n")
        (folder / "ca.cnf").write_text(
            "[ca]\ndefault_ca=own\n[own]\n"
            f"database={folder}/index\nserial={folder}/serial\nnew_certs_dir={folder}\ndefault_md=sha256\npolicy=any\n"
            "unique_subject=no\ncopy_extensions=copy\n[any]\ncommonName=supplied\n"
        )
        self._openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=Own CA"),
            *("-days", "36500", "-keyout", str(self._key), "-out", str(self.certificate)),
        )

    def context(self, host: str, *, is_expired: bool = False) -> ssl.SSLContext:
        """Return what a server of this name shows, signed by this authority."""
        name = f"{host}-expired" if is_expired else host
        key, asked, signed = (self._folder / f"{name}.{kind}" for kind in ("key", "csr", "pem"))
        kind = "IP" if host[0].isdigit() else "DNS"
        self._openssl(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={host}"),
            *("-addext", f"subjectAltName={kind}:{host}", "-keyout", str(key), "-out", str(asked)),
        )
        self._openssl(
            *("ca", "-batch", "-notext", "-config", str(self._folder / "ca.cnf"), "-in", str(asked)),
            *("-cert", str(self.certificate), "-keyfile", str(self._key), "-out", str(signed)),
            *("-startdate", _PAST, "-enddate", _RECENT if is_expired else _AHEAD),
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(signed, key)
        return context

    @staticmethod
    def _openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)  # noqa: S607 - as installed
