"""House rules that the linters do not know: sizes, dangerous calls, words that must not stand in a file."""

from __future__ import annotations

import ast
import re
import subprocess

import pytest

PIPES = {"core/fovea/processes.py", "core/fovea/testing/pickling.py"}
"""The two ends of the pipe between a batch and its own workers, which pickle crosses, and the check that it can."""

MIGRATIONS = "core/fovea/store/migrations/versions/"
"""A migration is one frozen list of tables; cutting it into functions would make it no easier to read."""

LONGEST_FUNCTION, LONGEST_FILE = 40, 400
TEXTS = {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".json", ".csv", ".ini", ".cfg", ".sh", ".html", ".ipynb", ""}


def functions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from ``def`` to the last, less the docstring."""
    first = function.body[0]
    doc = ast.get_docstring(function, clean=False) is not None
    length = (function.end_lineno or 0) - function.lineno + 1
    return length - ((first.end_lineno or 0) - first.lineno + 1 if doc else 0)


def calls(tree: ast.Module) -> list[tuple[str, ast.Call]]:
    return [(ast.unparse(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def keyword(call: ast.Call, name: str) -> object:
    """The constant given for a keyword, or None."""
    return next((k.value.value for k in call.keywords if k.arg == name and isinstance(k.value, ast.Constant)), None)


def dangerous(tree: ast.Module) -> list[str]:
    """What in a module would run what it reads, or hand a text to a shell."""
    return [
        name
        for name, call in calls(tree)
        if name.split(".")[0] in {"pickle", "cPickle", "dill", "joblib", "marshal", "shelve"}
        or name in {"eval", "exec", "os.system", "os.popen"}
        or (name == "torch.load" and keyword(call, "weights_only") is not True)
        or name in {"yaml.load", "yaml.unsafe_load", "yaml.full_load"}
        or keyword(call, "shell") is True
        or keyword(call, "allow_pickle") is True
    ]


@pytest.mark.parametrize(
    "text,found",
    [
        ("pickle.loads(b)", ["pickle.loads"]),
        ("torch.load(p)", ["torch.load"]),
        ("torch.load(p, weights_only=True)", []),
        ("yaml.load(t)", ["yaml.load"]),
        ("yaml.safe_load(t)", []),
        ("subprocess.run(c, shell=True)", ["subprocess.run"]),
        ("subprocess.run(c)", []),
        ("np.load(p, allow_pickle=True)", ["np.load"]),
    ],
)
def test_the_rule_on_dangerous_calls_sees_them(text, found):
    assert dangerous(ast.parse(text)) == found


def test_no_module_runs_what_it_reads(modules):
    found = {str(path): names for path, tree in modules.items() if (names := dangerous(tree))}
    assert {path: names for path, names in found.items() if path not in PIPES} == {}
    assert {name for path in PIPES for name in found.get(path, [])} <= {
        "pickle.dump",
        "pickle.dumps",
        "pickle.load",
        "pickle.loads",
    }


def test_pickle_is_imported_by_the_workers_pipe_and_its_check_only(modules):
    importing = {
        str(path)
        for path, tree in modules.items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Import) and any(alias.name == "pickle" for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module == "pickle")
    }
    assert importing == PIPES


def test_no_function_is_longer_than_a_screen(modules):
    long = {
        f"{path}:{function.name}": lines_of(function)
        for path, tree in modules.items()
        for function in functions(tree)
        if lines_of(function) > LONGEST_FUNCTION and not str(path).startswith(MIGRATIONS)
    }
    assert long == {}


def test_no_file_is_too_long_to_read(modules, root):
    lengths = {str(path): len((root / path).read_text("utf-8").splitlines()) for path in modules}
    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}


def test_every_module_says_what_it_is_for(modules):
    silent = {str(path) for path, tree in modules.items() if tree.body and ast.get_docstring(tree) is None}
    assert silent == set()


def test_no_file_holds_a_path_of_one_machine_or_a_registrys_host(root):
    # written in pieces, so that this file does not hold them itself
    machine = "|".join(("/" + "work/", "/" + "root/", "/" + "opt/fv", "/" + "tmp/prep"))
    hosts = "|".join(("py" + r"pi\.org", "python" + r"hosted\.org", "conda" + r"\.anaconda", "registry" + r"\.npmjs"))
    forbidden = re.compile(f"(?<![\\w.])(?:{machine})|{hosts}")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout.decode().split("\0")
    texts = [root / name for name in listed if name and (root / name).suffix in TEXTS and (root / name).is_file()]
    assert texts
    found = {
        str(path.relative_to(root)): match.group()
        for path in texts
        if (match := forbidden.search(path.read_text("utf-8", errors="replace")))
    }
    assert found == {}
