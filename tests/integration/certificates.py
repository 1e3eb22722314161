"""Certificates for tests of the listening side, made anew for every run."""

import os
import shutil
import ssl
import subprocess
import tempfile

from harness import ROOT


class Certificates:
    """An authority and leaves in a directory of their own (tests/mock/make_test_ca.sh)."""

    def __init__(self):
        self._directory = tempfile.TemporaryDirectory(prefix="farebox-tls-")
        self.path = self._directory.name
        subprocess.run([os.path.join(ROOT, "tests", "mock", "make_test_ca.sh"), self.path],
                       check=True)

    def cleanup(self):
        self._directory.cleanup()

    def file(self, name):
        return os.path.join(self.path, name)

    def pair(self, leaf="good"):
        return {"cert_file": self.file(leaf + ".pem"), "key_file": self.file(leaf + ".key")}

    def client(self, **more):
        """A strict client's context: the authority, the name, http/1.1."""
        context = ssl.create_default_context(cafile=self.file("ca.pem"))
        context.set_alpn_protocols(more.get("alpn", ["http/1.1"]))
        context.minimum_version = more.get("least", ssl.TLSVersion.TLSv1_2)
        if "most" in more:
            context.maximum_version = more["most"]
        return context

    def publish(self, leaf, directory):
        """As Kubernetes does: files are links through ..data, which is swapped at once."""
        version = tempfile.mkdtemp(prefix="..", dir=directory)
        for end in ("pem", "key"):
            shutil.copy(self.file("%s.%s" % (leaf, end)), os.path.join(version, "tls." + end))
        link = os.path.join(directory, "..data")
        os.symlink(os.path.basename(version), link + ".new")
        os.replace(link + ".new", link)
        for end in ("pem", "key"):
            name = os.path.join(directory, "tls." + end)
            if not os.path.islink(name):
                os.symlink(os.path.join("..data", "tls." + end), name)
        return {"cert_file": os.path.join(directory, "tls.pem"),
                "key_file": os.path.join(directory, "tls.key")}
