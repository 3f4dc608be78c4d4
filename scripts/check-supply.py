"""Check where this project's parts come from: lock files whole and from the registries, the bundled wheel as pinned.

Needs no network. With `--online` the wheel is also compared with the one pip gets from PyPI, cargo-deny checks
licences, bans and sources by deny.toml, and it and npm are asked for advisories, where these can be had; what could
not be asked is said, and is no failure.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WHEELS = {
    "websockets-17.4-py3-none-any.whl": "c6bd2c9781915592b209160d0f017d4c7c82ad53075e6b0c24d2a89299e7f9e9",
}
REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"


def cargo_faults(lock: str) -> list[str]:
    """Packages of a Cargo.lock without a checksum or from elsewhere; those of the workspace have neither."""
    faults = []
    for package in tomllib.loads(lock)["package"]:
        source = package.get("source")
        if source is not None and (source != REGISTRY or len(package.get("checksum", "")) != 64):
            faults.append(f"Cargo.lock: {package['name']} {package['version']} from {source}")
    return faults


def npm_faults(lock: str) -> list[str]:
    """Packages of a package-lock.json without a strong hash or from elsewhere."""
    faults = []
    for path, package in json.loads(lock)["packages"].items():
        if not path or package.get("link"):
            continue
        pinned = package.get("integrity", "").startswith("sha512-")
        # The lock file may leave the address out: then it is the registry's.
        at_home = package.get("resolved", "https://registry.npmjs.org/").startswith("https://registry.npmjs.org/")
        if not pinned or not at_home:
            faults.append(f"package-lock.json: {path} from {package.get('resolved')}")
    return faults


def wheel_faults(folder: Path, pinned: dict[str, str]) -> list[str]:
    """Wheels that are not the pinned ones."""
    found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.glob("*.whl")}
    names = sorted(found.keys() | pinned.keys())
    wrong = [name for name in names if found.get(name) != pinned.get(name)]
    return [f"{name}: {found.get(name)} is not {pinned.get(name)}" for name in wrong]


def pypi_faults() -> list[str]:
    """Pinned wheels that are not what pip gets from its index under that name."""
    faults = []
    plain = ["--platform", "any", "--implementation", "py", "--abi", "none", "--only-binary", ":all:", "--no-deps"]
    for name, digest in WHEELS.items():
        project, version = name.split("-")[:2]
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", folder, *plain]
            done = subprocess.run([*command, f"{project}=={version}"], capture_output=True, text=True, check=False)
            file = Path(folder) / name
            if done.returncode != 0 or not file.is_file():
                print(f"not checked against PyPI: {done.stderr.strip()[-300:]}")
                continue
            found = hashlib.sha256(file.read_bytes()).hexdigest()
        if found != digest:
            faults.append(f"{name}: PyPI has {found}")
    return faults


def audits() -> list[str]:
    """What the tools with a database of advisories say. A tool or database that cannot be had is said."""
    faults = []
    deny = ["cargo", "deny", "--format", "json", "check"]
    # Licences, bans and sources need no database: they are checked where that of advisories cannot be had.
    for command in (["npm", "audit", "--json"], [*deny, "licenses", "bans", "sources"], [*deny, "advisories"]):
        tool = " ".join(word for word in command if word not in ("--format", "json", "--json"))
        if shutil.which(command[0]) is None or (command[0] == "cargo" and shutil.which("cargo-deny") is None):
            print(f"not run: {tool} is not installed")
            continue
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            print(f"{tool}: nothing found")
        elif '"auditReportVersion"' in done.stdout or '"diagnostic"' in done.stderr:
            faults.append(f"{tool}:\n{done.stdout or done.stderr}")
        else:
            print(f"not run: {tool}: {(done.stderr or done.stdout).strip()[:300]}")
    return faults


def main() -> int:
    """Print what is wrong; 1 if anything is."""
    faults = cargo_faults((ROOT / "Cargo.lock").read_text()) + npm_faults((ROOT / "package-lock.json").read_text())
    faults += wheel_faults(ROOT / "addon" / "wheels", WHEELS)
    if "--online" in sys.argv[1:]:
        faults += pypi_faults() + audits()
    for fault in faults:
        print(fault)
    print("the supply chain is as pinned" if not faults else f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
