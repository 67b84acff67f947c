"""What rtstem must not use: loaders that run what they read, shells, guessable temporary names."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "rtstem"
FILES = sorted(PACKAGE.rglob("*.py"))
TOOLS = sorted((ROOT / "tools").rglob("*.py"))

# pickle and its like run what they read, in whatever library they hide
MODULES = {
    "pickle",
    "_pickle",
    "cPickle",
    "dill",
    "cloudpickle",
    "joblib",
    "marshal",
    "shelve",
    "code",
}
NAMES = {"eval", "exec", "compile", "__import__"}
ATTRIBUTES = {
    "yaml": {"load", "load_all", "unsafe_load", "unsafe_load_all", "full_load", "full_load_all"}
    | {"Loader", "FullLoader", "UnsafeLoader", "CLoader", "CUnsafeLoader"},
    "os": {"system", "popen"},
    "tempfile": {"mktemp"},
    "ort": {"register_custom_ops_library"},
    "subprocess": {"getoutput", "getstatusoutput"},
    "torch": {"load"},
}
ANYWHERE = {"register_custom_ops_library", "RegisterCustomOpsLibrary", "allow_pickle"}


def findings(source: str) -> Iterator[str]:
    """Line number and what stands there, for everything above."""
    for node in ast.walk(ast.parse(source)):
        found = ""
        if isinstance(node, ast.Import):
            found = ", ".join(a.name for a in node.names if a.name.partition(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom):
            module, names = node.module or "", {alias.name for alias in node.names}
            if not node.level and module.partition(".")[0] in MODULES:
                found = module
            elif names & ATTRIBUTES.get(module, set()):
                found = f"from {module} import {names & ATTRIBUTES[module]}"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found = node.func.id if node.func.id in NAMES else ""
        elif isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            bad = node.attr in ATTRIBUTES.get(owner, set()) or node.attr in ANYWHERE
            found = f"{owner}.{node.attr}" if bad else ""
        elif isinstance(node, ast.keyword) and node.arg in ("shell", "allow_pickle"):
            safe = isinstance(node.value, ast.Constant) and node.value.value is False
            found = "" if safe else f"{node.arg}="
        elif isinstance(node, ast.Constant) and node.value in ANYWHERE:
            found = str(node.value)
        if found:
            yield f"{node.lineno if hasattr(node, 'lineno') else node.value.lineno}: {found}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_runs_what_it_reads(path):
    assert not list(findings(path.read_text()))


@pytest.mark.parametrize(
    "line",
    [
        *("import pickle", "from pickle import loads", "import yaml; yaml.load(x)", "eval(x)"),
        *("import yaml; yaml.load(x, yaml.UnsafeLoader)", "from yaml import load", "exec(x)"),
        *("import subprocess; subprocess.run(x, shell=True)", "import os; os.system(x)"),
        *("import numpy as np; np.load(x, allow_pickle=y)", "import tempfile; tempfile.mktemp()"),
        *("options.register_custom_ops_library(x)", "import marshal", "__import__(x)"),
        'call("RegisterCustomOpsLibrary")',
    ],
)
def test_the_guard_sees(line):
    assert list(findings(line))


@pytest.mark.parametrize("path", TOOLS, ids=lambda p: str(p.relative_to(ROOT)))
def test_tools_load_yaml_safely(path):
    assert not [f for f in findings(path.read_text()) if "yaml" in f or "shell" in f]


def requirements(*extras: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"]]
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("requirement", requirements("cluster"), ids=lambda r: r.name)
def test_what_runs_has_a_lower_and_an_upper_bound(requirement):
    """The upper one is a release that may break: a major one, or a minor one below 1.0."""
    bounds = {spec.operator: Version(spec.version) for spec in requirement.specifier}
    assert set(bounds) == {">=", "<"}
    low, high = bounds[">="], bounds["<"]
    assert low < high
    assert high.micro == 0
    assert high.major == 0 or high.minor == 0


@pytest.mark.parametrize("requirement", requirements("cluster"), ids=lambda r: r.name)
def test_what_is_installed_is_within_the_bounds(requirement):
    from importlib.metadata import PackageNotFoundError, version

    if requirement.marker is not None and not requirement.marker.evaluate():
        pytest.skip("not for this system")
    try:
        installed = version(requirement.name)
    except PackageNotFoundError:
        pytest.skip("not installed")
    assert requirement.specifier.contains(installed, prereleases=True)
