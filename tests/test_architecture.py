"""The floors of the house: a file imports from floors below its own, and a few things live in one place only."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "deteval"
FLOORS = (
    ("version", "errors", "threads", "timing", "whole_file"),
    ("kernels.compiled", "kernels.numbers", "kernels.json_values", "kernels.json_columns", "kernels.boxes",
     "kernels.similarity", "kernels.suppression", "kernels.matching", "kernels.ordering", "kernels.curves",
     "kernels.cut_curves", "kernels.lanes", "kernels.operating", "kernels.influence", "kernels.confusion",
     "kernels.mending", "kernels.tallies", "kernels.build"),
    ("records.numbers", "records.score_cuts", "records.params", "records.findings", "records.dataset",
     "records.reading", "records.categories", "records.evidence", "records.subset", "records.run", "records.metric",
     "records.scores", "records.resampling", "records.criterion", "records.operating_points", "records.sweep",
     "records.sweep_matches", "records.sweep_cells", "records.comparison", "records.error_kinds",
     "records.calibration", "records.confusion", "records.suspects", "records.diagnosis", "records.explanation",
     "records.gate", "records.baseline"),
    ("grouping", "suppression", "fingerprint", "agreement"),
    ("loading",),
    ("evaluation", "left_out", "runs"),
    ("averages", "measures", "cuts", "best_points"),
    ("replicates", "operating", "influence",
     "diagnosis.mending", "diagnosis.error_kinds", "diagnosis.calibration", "diagnosis.confusion",
     "diagnosis.relabelling", "diagnosis.suspects", "diagnosis.symptoms",
     "differences.changes", "differences.kept_objects", "differences.same_detections", "differences.moved_boxes",
     "differences.moved_scores", "differences.class_moves", "differences.input_changes", "differences.observations",
     "score_curves"),
    ("scoring",),
    ("inference",),
    ("gating",),
    ("studies",),
    ("reports",),
    ("cli",),
    ("__init__", "__main__"),
)
"""From the ground up; within a floor a module may import those listed before it, within `loading`, `studies`,
`reports` and `cli` any other, so long as there is no circle."""
ONLY_IN = {
    "click": ("cli",),
    "PIL": ("loading.thumbnails",),
    "jinja2": ("reports.page.render",),
    "numba": ("kernels.compiled", "kernels.build"),
    "pycocotools": ("studies.crosscheck",),
    "yaml": ("loading.yaml_file",),
    "scipy": ("inference",),
}
MAY_OPEN = ("whole_file", "kernels.compiled", "kernels.build", "loading.source", "loading.yaml_file",
            "loading.evidence_file", "loading.thumbnails", "reports.writer", "reports.page.render")
LONGEST = 350

MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in sorted(ROOT.rglob("*.py"))
           if path.name != "__init__.py" or path.parent == ROOT}


def imports(tree: ast.AST) -> set[str]:
    """Every module that a file imports anywhere, as full dotted names."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def place(module: str) -> tuple[int, int]:
    """The floor of a module and its place there."""
    for floor, rooms in enumerate(FLOORS):
        for position, room in enumerate(rooms):
            if module == room or module.startswith(f"{room}."):
                return floor, position
    raise AssertionError(f"deteval/{module} stands on no floor: add it to FLOORS")


def own_imports(tree: ast.AST) -> set[str]:
    """Modules of deteval that a file imports, without the prefix."""
    names = {name.removeprefix("deteval.") for name in imports(tree) if name.startswith("deteval.")}
    return {name for name in names if name in MODULES}


TREES = {module: ast.parse(path.read_text()) for module, path in MODULES.items()}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_come_from_below(module):
    mine = place(module)
    for other in own_imports(TREES[module]):
        theirs = place(other)
        same_room = theirs == mine and module.partition(".")[0] == other.partition(".")[0]
        assert theirs < mine or same_room, f"{module} imports {other}, which is not below it"


def test_no_circles():
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path, module])
        if module not in done:
            for other in own_imports(TREES[module]):
                visit(other, (*path, module))
            done.add(module)

    for module in MODULES:
        if module != "__init__":
            visit(module, ())


def test_studies_do_not_import_each_other():
    for module in MODULES:
        others = {name for name in own_imports(TREES[module]) if name.startswith("studies.")}
        assert not (module.startswith("studies.") and others), module


@pytest.mark.parametrize("package", sorted(ONLY_IN))
def test_packages_live_in_one_place(package):
    for module, tree in TREES.items():
        if any(name.partition(".")[0] == package for name in imports(tree)):
            assert module.startswith(ONLY_IN[package]), f"{module} imports {package}"


def test_files_are_opened_in_few_places_and_nothing_prints():
    openers = {"open", "read_text", "read_bytes", "write_text", "write_bytes", "fdopen"}
    for module, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                assert name != "print", module
                assert name not in openers or module in MAY_OPEN or name == "read_text", f"{module} calls {name}"


def test_kernels_import_no_records_and_never_allocate_or_raise():
    for module, tree in TREES.items():
        if module.startswith("kernels.") and module not in ("kernels.compiled", "kernels.build"):
            assert {name.partition(".")[0] for name in imports(tree)} <= {"math", "numpy", "deteval"}, module
            compiled = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list]
            for function in compiled:
                for node in ast.walk(ast.Module(body=function.body, type_ignores=[])):
                    assert not isinstance(node, ast.Raise | ast.Try | ast.List | ast.Dict | ast.ListComp), \
                        f"{module}.{function.name}, line {node.lineno}"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_no_file_holds_two_ideas(module):
    assert len(MODULES[module].read_text().splitlines()) <= LONGEST, f"{module} is longer than {LONGEST} lines"
