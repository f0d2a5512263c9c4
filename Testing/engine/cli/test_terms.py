"""Terms of the weights on the command line: printed once per licence if this can be stored."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import typer

from engine.model_folders import FREE, RESTRICTED, cine_2d, cine_3d, install, open_2d
from rncarefine.cli.terms import show_terms


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Have the command line remember in a folder of the test, which is not there yet."""
    folder = tmp_path / "home" / "rncarefine"
    monkeypatch.setattr(typer, "get_app_dir", lambda name: str(folder))
    install(monkeypatch, tmp_path / "models", cine_2d(), cine_3d(), open_2d())
    return folder


def test_terms_are_shown_once(capsys):
    show_terms(cine_2d().card)
    said = capsys.readouterr()
    assert said.out == ""
    first, *others = said.err.splitlines()
    assert first == (
        "Terms of the weights: sax-cine-2d may be used under CC BY-NC-SA 4.0, which does not allow commercial use. "
        "Please cite: nobody"
    )
    assert others[0] == "Free for any use: --model sax-open-2d (slice-wise, Apache-2.0)."
    assert "once" in others[1]
    for model in (cine_2d(), cine_3d()):  # the same licence
        show_terms(model.card)
    assert capsys.readouterr().err == ""


def test_every_licence_is_shown_once(capsys):
    other = replace(cine_2d().card, licence="GPL-3.0")
    for card in (cine_2d().card, other):
        show_terms(card)
        assert card.licence in capsys.readouterr().err
    for card in (cine_2d().card, other):
        show_terms(card)
    assert capsys.readouterr().err == ""


def test_permissive_licence_is_not_shown(home, capsys):
    show_terms(open_2d().card)
    assert capsys.readouterr().err == ""
    assert not home.exists()


def test_suggested_free_model_depends_on_the_mode(tmp_path, monkeypatch, capsys):
    show_terms(cine_3d().card)
    assert "--model sax-open-2d (slice-wise" in capsys.readouterr().err
    free = replace(cine_3d(), card=replace(cine_3d().card, name="deep", licence=FREE))
    install(monkeypatch, tmp_path / "more", cine_3d(), open_2d(), free)
    show_terms(replace(cine_3d().card, licence="GPL-3.0"))
    assert "--model deep (volumetric" in capsys.readouterr().err
    install(monkeypatch, tmp_path / "none", cine_3d())
    show_terms(replace(cine_3d().card, licence="other"))
    assert "Free" not in capsys.readouterr().err


def a_file_in_the_way(home, monkeypatch):
    home.parent.write_text("no folder")


def no_folder_may_be_made(home, monkeypatch):
    monkeypatch.setattr(Path, "mkdir", refuse)


def the_disk_is_full(home, monkeypatch):
    monkeypatch.setattr(os, "replace", refuse)


def refuse(*arguments, **options):
    raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize("trouble", [a_file_in_the_way, no_folder_may_be_made, the_disk_is_full])
def test_terms_are_shown_every_time_without_storage(home, capsys, monkeypatch, trouble):
    trouble(home, monkeypatch)
    for _ in range(2):
        show_terms(cine_2d().card)
        assert RESTRICTED in capsys.readouterr().err


def test_an_unreadable_list_of_shown_terms_is_replaced(home, capsys):
    home.mkdir(parents=True)
    (home / "terms-told.txt").write_bytes(b"\xff\xfe")
    for told in (True, False):
        show_terms(cine_2d().card)
        assert (RESTRICTED in capsys.readouterr().err) == told


def test_nothing_is_written_without_a_home_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(typer, "get_app_dir", lambda name: f"~/.config/{name}")  # what is left without one
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    show_terms(cine_2d().card)
    assert RESTRICTED in capsys.readouterr().err
    assert list(here.iterdir()) == []
