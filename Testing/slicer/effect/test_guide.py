"""docs/slicer.md explains every control of the effect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "slicer.md"


def test_the_guide_explains_every_control_of_the_effect(bench: Any) -> None:
    import qt

    frame = bench.scripted.optionsFrame()
    section = GUIDE.read_text(encoding="utf-8").partition("## The effect")[2].partition("## Cine")[0]
    names = {button.text for button in frame.findChildren(qt.QAbstractButton)}
    names |= {label.text for label in frame.findChildren(qt.QLabel) if label.text.endswith(":")}
    # The two radio buttons are what the row Scope offers, told with its name.
    names -= {bench.options.this_slice.text, bench.options.whole_segment.text}
    assert len(names) >= 12
    assert {name for name in names if f"**{name.rstrip(':')}**" not in section} == {"Repair:"}
