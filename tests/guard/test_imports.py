"""Who may import whom, and what the real-time side must not contain."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "rtstem"
FILES = sorted(p for p in PACKAGE.rglob("*.py"))

# Top-level parts of the package (a file or a folder) and the parts that each may import.
CORE = {"errors"}
MAY_IMPORT = {
    "__init__": {"engine", "offline"},
    "__main__": {"cli"},
    "errors": set(),
    "latency": set(),
    "resources": CORE,
    "yaml_file": CORE,
    "model_file": CORE,
    "model_metadata": CORE,
    "model_spec": CORE | {"model_file", "model_metadata"},
    "config_checks": CORE | {"resources"},
    "config": CORE | {"config_checks", "resources", "yaml_file"},
    "rt": CORE | {"latency", "model_spec"},
    "control": CORE
    | {"config", "config_checks", "latency", "model_spec", "resources", "rt", "yaml_file"},
    "io": CORE | {"config", "rt"},
}
SURFACES = {"cli", "commands"}
THIRD_PARTY_IN_RT = {"numpy", "numba", "llvmlite", "rocket_fft", "onnxruntime"}
FORBIDDEN_IN_RT = {"logging", "queue", "multiprocessing", "asyncio", "yaml", "pydantic"}


def part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Absolute names of the modules that a file imports, wherever in it."""
    package = ".".join(("rtstem", *path.relative_to(PACKAGE).parts[:-1]))
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = importlib.util.resolve_name("." * node.level + base, package)
            names |= {f"{base}.{alias.name}" for alias in node.names}
    return names


def inner_parts(path: Path) -> set[str]:
    names = {name.split(".")[1] for name in imports(path) if name.startswith("rtstem.")}
    return {n for n in names if (PACKAGE / n).exists() or (PACKAGE / f"{n}.py").exists()}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_import_directions(path):
    allowed = MAY_IMPORT.get(part(path))
    if allowed is None:  # wiring above the parts listed: everything but the command line
        allowed = {part(other) for other in FILES}
        if part(path) not in SURFACES:
            allowed -= SURFACES
    assert inner_parts(path) <= allowed | {part(path)}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_training_and_tools_stay_out(path):
    assert not {name.split(".")[0] for name in imports(path)} & {"torch", "tools", "tests"}


@pytest.mark.parametrize("path", sorted((PACKAGE / "rt").glob("*.py")), ids=lambda p: p.name)
def test_real_time_side_has_no_lock_log_or_config(path):
    outside = {name.split(".")[0] for name in imports(path)} - {"rtstem"}
    assert not outside & FORBIDDEN_IN_RT
    assert outside - set(sys.stdlib_module_names) <= THIRD_PARTY_IN_RT
    tree = ast.walk(ast.parse(path.read_text()))
    names = {node.attr for node in tree if isinstance(node, ast.Attribute)}
    assert not names & {"Lock", "RLock", "Condition", "Semaphore", "Event", "getLogger"}


@pytest.mark.parametrize(
    ("module", "name", "inner"),
    [
        ("callback", "stream_callback", "process_block"),
        ("capture", "capture_callback", "push_block"),
    ],
)
def test_the_callbacks_neither_allocate_nor_call_python(module, name, inner):
    """Compiled code that allocates or touches Python objects names these symbols."""
    code = (
        "from numba import cfunc\n"
        f"from rtstem.rt import {module} as c\n"
        "compiled = cfunc(c.STREAM_SIGNATURE, nopython=True, error_model='numpy')\n"
        f"fresh = compiled(c.{name}._pyfunc)\n"
        "print(fresh.inspect_llvm())\n"
    )
    text = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    ).stdout
    called = {line for line in text.splitlines() if "call " in line}
    assert any(inner in line for line in called)
    for symbol in ("NRT_Allocate", "NRT_MemInfo_alloc", "NRT_Reallocate", "PyGILState_Ensure"):
        assert not [line for line in called if symbol in line], symbol


def test_heavy_packages_are_not_imported_with_the_package():
    code = "import sys, rtstem, rtstem.cli; print(' '.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"numpy", "numba", "onnxruntime", "matplotlib", "pydantic", "rich", "sounddevice"}
    assert not heavy & set(run.stdout.split())
