# SPDX-License-Identifier: BSD-2-Clause
"""Grafana's packages from npm, as the lock file has them: types to check the dashboard against, components to draw it with."""
import os
import shutil
import subprocess

import lab as labs
from lab import ROOT
from tap import Skip

HERE = ROOT / "tests/grafana"


def install():
    """Once for each lock file: the folder. In CI the packages are required."""
    folder = labs.BUILD / "grafana/packages"
    lock = (HERE / "package-lock.json").read_bytes()
    have = folder / "package-lock.json"
    if have.exists() and have.read_bytes() == lock and (folder / "node_modules").exists():
        return folder
    if not shutil.which("npm"):
        raise Skip("npm is not installed")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder)
    done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                          cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(folder)
        if os.environ.get("CI"):
            raise RuntimeError(f"npm ci: {done.stderr.strip()[-500:]}")
        raise Skip("npm could not fetch Grafana's packages")
    return folder
