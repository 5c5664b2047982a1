"""The package as others install it: a wheel, used from another folder."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
def test_a_wheel_holds_everything_and_plays(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, timeout=600)
    (wheel,) = tmp_path.glob("*.whl")
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    code = "import alphamini, games; print(alphamini.__file__, games.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(site)}

    def run(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments], cwd=elsewhere, env=environment, input=text, capture_output=True, text=True,
            timeout=300,
        )  # fmt: skip

    assert all(str(site) in path for path in run("-c", code).stdout.split())
    played = run("-m", "alphamini.play", "--game", "gomoku9", "--sims", "8", text="e5\nhint\nquit\n")
    assert played.returncode == 0, played.stderr
    assert "(x)" in played.stdout or "(o)" in played.stdout  # a board with the last move marked
    rated = run(
        "-m", "alphamini.evaluate", "--game", "gomoku9", "--player", "random", "--player", "net@sims=2", "--games", "4"
    )
    assert rated.returncode == 0, rated.stderr
    assert "openings: gomoku9.jsonl" in rated.stdout  # the book came along
    page = run("-c", "from alphamini.interfaces.web import PAGE; print(PAGE.decode())")
    assert page.stdout.startswith("<!doctype html>"), page.stderr  # came along, too
    assert list(elsewhere.iterdir()) == []
