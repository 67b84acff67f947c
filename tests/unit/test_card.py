"""The tables of a model's card come from the figures of its evaluation."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tools.train import card

ROOT = Path(__file__).parents[2]
CARD = """# live

words before

| songs | vocals | accompaniment | drums | bass | other |
| --- | ---: | ---: | ---: | ---: | ---: |
| old | 1 |  |  |  |  |

| song | vocals | accompaniment | drums | bass | other |
| --- | ---: | ---: | ---: | ---: | ---: |

| figure | dB |
| --- | ---: |
| old | 1 |
| older | 2 |

words behind"""
TOLD = {
    "summary": {"all": {"vocals": {"sdr": 5.064, "improvement": 8.1}}},
    "songs": {"Song": {"vocals": {"sdr": 5.06, "si_sdr": 4.0, "mixture_sdr": -3.0}}},
    "robustness": {"a_cappella_vocals_sdr": 38.61, "resting_drums_db": -20.0},
}


def test_a_card_gets_new_tables_and_keeps_its_words() -> None:
    lines = card.renewed(CARD, TOLD).split("\n")
    assert lines[0] == "# live"
    assert lines[-1] == "words behind"
    assert lines[4:7] == [*CARD.split("\n")[4:6], "| all 21 | 5.06 (+8.10) |  |  |  |  |"]
    assert lines[10] == "| Song | 5.1 (+8.1) |  |  |  |  |"
    assert lines[14] == "| voices alone: SDR of the vocals (median) | 38.6 |"
    assert lines[16].endswith("| -, -20.0, -, - |")
    assert not any("old" in line for line in lines)
    assert card.renewed("\n".join(lines), TOLD).split("\n") == lines


@pytest.mark.parametrize("name", ["live", "studio", "tight"])
def test_every_card_of_the_project_has_these_tables(name: str) -> None:
    assert "| Song | 5.1 (+8.1) |" in card.renewed((ROOT / f"models/{name}.md").read_text(), TOLD)


@pytest.mark.parametrize(
    ("text", "told", "said"),
    [
        ("# live", TOLD, 'the card has no table that begins with "| songs |"'),
        (CARD, TOLD | {"robustness": None}, "evaluate with --robustness"),
    ],
)
def test_what_does_not_fit_is_one_line_and_changes_nothing(
    tmp_path: Path, text: str, told: dict, said: str
) -> None:
    (tmp_path / "card.md").write_text(text)
    (tmp_path / "scores.json").write_text(json.dumps({k: v for k, v in told.items() if v}))
    command = [sys.executable, "-m", "tools.train.card", "card.md", "scores.json"]
    run = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert run.returncode == 2
    assert said in run.stderr.splitlines()[-1]
    assert (tmp_path / "card.md").read_text() == text
