"""Reception with the whole default policy: nobody is exempt, and DNS is a name server beside it, its answers cached.

What stands against it is bare Postfix, which asks nobody anything. Every message is from a stranger whose reverse name,
SPF and DMARC are looked up; the owner's ledger is asked, and takes mail from strangers, so that nothing is held.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from peers import Samotop

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.fakes.knot import Knot

ZONES = {
    "": {
        "example.net": {"TXT": ['"v=spf1 ip4:127.0.0.1 -all"'], "MX": ["10 mail.example.net."]},
        "mail.example.net": {"A": ["127.0.0.1"]},
        "_dmarc.example.net": {"TXT": ['"v=DMARC1; p=reject"']},
        "1.0.0.127.in-addr.arpa": {"PTR": ["mail.example.net."]},
    }
}
"""All the names that there are: everything else does not exist, and is not asked for again."""


class PoliteSamotop(Samotop):
    """Ours, with nobody exempt."""

    name = "Samotop, whole policy"

    def start(self) -> None:
        program = shutil.which("knotd")
        if program is None:
            raise RuntimeError("knotd is missing: apt-get install knot")
        folder = self.folder / "knot"
        folder.mkdir(mode=0o700)
        self.knot = Knot(program, folder, ZONES)
        self.knot.start()
        super().start()

    def _serve(self) -> None:
        configuration = self.home / "samotop.toml"
        text = configuration.read_text()
        if "dnssec" not in text:
            assert "\n[policy]\n" not in text, "init writes none"
            assert "\n[dns]\n" not in text, "init writes none"
            text += f'\n[policy]\nexempt = []\n\n[dns]\nservers = ["127.0.0.1:{self.knot.port}"]\ndnssec = "off"\n'
            configuration.write_text(text)
        super()._serve()

    def stop(self) -> None:
        super().stop()
        self.knot.stop()
