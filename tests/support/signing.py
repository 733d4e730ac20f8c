"""Registry signing keys as npm's registry has them: ECDSA P-256 over "name@version:integrity", made and used with openssl."""

import base64
import hashlib
import pathlib
import shutil
import subprocess
import tempfile


def _openssl(*arguments, data=None):
    return subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True, check=True, timeout=60).stdout


class Signer:
    """One key pair. `expires` goes into the keys document as it is: None, or a time as text."""

    def __init__(self, expires=None):
        self.expires = expires
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="signer-"))
        self._key = self._folder / "key.pem"
        _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self._key)
        self._public = _openssl("pkey", "-in", self._key, "-pubout", "-outform", "DER")
        self.keyid = "SHA256:" + base64.b64encode(hashlib.sha256(self._public).digest()).decode().rstrip("=")

    def close(self):
        """Forgets the private key."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def sign(self, message):
        """The signature of a text, as dist.signatures has it."""
        return base64.b64encode(_openssl("dgst", "-sha256", "-sign", self._key, data=message.encode())).decode()

    def key(self):
        """Its entry in the registry's keys document."""
        return {"expires": self.expires, "keyid": self.keyid, "keytype": "ecdsa-sha2-nistp256",
                "scheme": "ecdsa-sha2-nistp256", "key": base64.b64encode(self._public).decode()}
