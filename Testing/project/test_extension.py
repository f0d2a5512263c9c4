"""RNCARefine.s4ext, RNCARefine.json, the CMake files, the icons and the tree say the same."""

import ast
import json
import shutil
import struct
import subprocess

import pytest

from project.tree import MODULE, ROOT, extension_values, files_under, installed_resources, installed_scripts, text

REPOSITORY = "https://github.com/rncarefine/SlicerRNCARefine"
RAW = "https://raw.githubusercontent.com/rncarefine/SlicerRNCARefine/main/"
# Not for Slicer: they tell type checkers that the packages have annotations.
NOT_INSTALLED = {"CMakeLists.txt", "RNCARefineLib/py.typed", "rncarefine/py.typed"}


def catalogue():
    return dict(json.loads(text("RNCARefine.json")))


def module_tree():
    return {path.relative_to(MODULE).as_posix() for path in files_under(MODULE)} - NOT_INSTALLED


def generated_s4ext():
    """Return the keywords and values that Slicer's build writes, in the order of its template.

    It takes them from the catalogue entry, else from CMakeLists.txt, else from its own defaults.
    """
    order = """scm scmurl scmrevision depends recommends build_subdirectory homepage contributors category iconurl
        status tier description screenshoturls enabled dicom_support_rule keywords"""
    values = {"depends": "NA", "recommends": "NA", "build_subdirectory": ".", "enabled": "1", "tier": "1"}
    values |= {name.removeprefix("EXTENSION_").lower(): value for name, value in extension_values().items()}
    entry = catalogue()
    values |= {"scm": "git", "scmurl": str(entry["scm_url"]), "scmrevision": str(entry["scm_revision"])}
    values |= {key: str(entry[key]) for key in ("build_subdirectory", "category", "tier")}
    return [f"{keyword} {values.get(keyword, '')}".rstrip() for keyword in order.split()]


def test_s4ext_has_what_slicer_s_build_would_write():
    lines = text("RNCARefine.s4ext").splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == generated_s4ext()


def test_cmake_values_are_safe_without_quotes():
    for name, value in extension_values().items():
        assert not set(value) & set(";\n\t[]\\$"), name
        assert "  " not in value, name


def test_dependencies_are_the_same_in_cmake_and_catalogue():
    depends = extension_values()["EXTENSION_DEPENDS"]
    assert catalogue()["build_dependencies"] == ([] if depends == "NA" else depends.split())


def test_the_catalogue_entry_has_the_fields_that_the_index_allows():
    required = {"$schema", "category", "scm_url"}
    allowed = required | {"scm_revision", "scm_type", "build_dependencies", "build_subdirectory", "enabled", "tier"}
    assert required <= catalogue().keys() <= allowed
    assert catalogue()["scm_url"] == REPOSITORY + ".git"


def test_every_address_of_a_picture_is_a_file_of_the_repository():
    values = extension_values()
    addresses = [values["EXTENSION_ICONURL"], *values["EXTENSION_SCREENSHOTURLS"].split()]
    for address in addresses:
        assert address.startswith(RAW), address
        assert (ROOT / address.removeprefix(RAW)).is_file(), f"{address} is not in the tree"


def test_description_names_the_licence_of_every_model():
    cards = [json.loads(path.read_text(encoding="utf-8")) for path in files_under(MODULE / "Resources/Models", ".json")]
    assert len(cards) == 5
    for card in cards:
        assert f"({card['licence']})" in extension_values()["EXTENSION_DESCRIPTION"], card["name"]


def test_the_module_is_shown_under_the_extension_s_category():
    tree = ast.parse(text("RNCARefine/RNCARefine.py"))
    assigned = [
        ast.unparse(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).endswith(".categories")
    ]
    assert len(assigned) == 1
    assert f"'{catalogue()['category']}'" in assigned[0]


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("Resources/RNCARefine.png", (128, 128)),
        ("RNCARefine/Resources/Icons/RNCARefine.png", (128, 128)),
        ("RNCARefine/Resources/Icons/RNCARefineChaseBroken.png", (260, 280)),
        ("RNCARefine/Resources/Icons/RNCARefineSunnybrookBroken.png", (260, 280)),
        ("RNCARefine/SegmentEditorRNCARefineLib/SegmentEditorEffect.png", (128, 128)),
    ],
)
def test_icons_are_png_files_of_the_size_that_slicer_uses(name, size):
    head = (ROOT / name).read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:]) == size


@pytest.mark.parametrize(("listed", "scripts"), [(installed_scripts(), True), (installed_resources(), False)])
def test_cmake_lists_every_installed_file_once(listed, scripts):
    assert len(listed) == len(set(listed))
    assert set(listed) == {name for name in module_tree() if name.endswith(".py") == scripts}


def test_every_installed_name_starts_with_the_extension_s_own():
    # All extensions share one folder on sys.path: a package named Lib or Testing would be somebody else's too.
    top = {name.partition("/")[0] for name in installed_scripts()}
    own = ("RNCARefine", "SegmentEditorRNCARefine", "rncarefine", "Resources")
    assert all(name.startswith(own) for name in top), top


SLICER_CONFIG = """
set(Slicer_USE_FILE "${CMAKE_CURRENT_LIST_DIR}/nothing.cmake")
set(Slicer_EXTENSION_GENERATE_CONFIG "${CMAKE_CURRENT_LIST_DIR}/nothing.cmake")
set(Slicer_EXTENSION_CPACK "${CMAKE_CURRENT_LIST_DIR}/package.cmake")
function(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(M "WITH_GENERIC_TESTS" "NAME" "SCRIPTS;RESOURCES" ${ARGN})
  if(M_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "unknown: ${M_UNPARSED_ARGUMENTS}")
  endif()
  foreach(file IN LISTS M_SCRIPTS M_RESOURCES)
    if(NOT EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
      message(FATAL_ERROR "nonexistent: ${file}")
    endif()
    file(APPEND "${CMAKE_BINARY_DIR}/installed.txt" "${file}\\n")
  endforeach()
endfunction()
function(slicer_add_python_unittest)
  cmake_parse_arguments(M "" "SCRIPT" "" ${ARGN})
  if(NOT EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${M_SCRIPT}")
    message(FATAL_ERROR "nonexistent: ${M_SCRIPT}")
  endif()
endfunction()
"""


SLICER_PACKAGE = """
function(write_description)
  cmake_parse_arguments(M "" "DESCRIPTION" "" ${ARGN})
  file(WRITE "${CMAKE_BINARY_DIR}/description.txt" "${M_DESCRIPTION}")
endfunction()
write_description(DESCRIPTION ${EXTENSION_DESCRIPTION})
"""
"""Passes the description on as Slicer does: without quotes."""


@pytest.mark.skipif(not (shutil.which("cmake") and shutil.which("c++")), reason="needs cmake and a compiler")
def test_cmake_configures_the_extension_and_installs_what_it_lists(tmp_path):
    (tmp_path / "SlicerConfig.cmake").write_text(SLICER_CONFIG)
    (tmp_path / "package.cmake").write_text(SLICER_PACKAGE)
    (tmp_path / "nothing.cmake").touch()
    build = tmp_path / "build"
    command = ["cmake", "-S", str(ROOT), "-B", str(build), f"-DSlicer_DIR={tmp_path}", "-DBUILD_TESTING=ON"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    installed = set((build / "installed.txt").read_text().split())
    assert installed == set(installed_scripts() + installed_resources())
    assert (build / "description.txt").read_text() == extension_values()["EXTENSION_DESCRIPTION"]
