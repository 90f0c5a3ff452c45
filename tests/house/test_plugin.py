"""The requirement index counts what passed, refuses what it does not know, and survives pytest-xdist."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PROVING = """
import pytest

@pytest.mark.requirement("GUIDE-GEN-01", "GUIDE-GEN-02")
def test_one():
    assert True

@pytest.mark.parametrize("case", [
    pytest.param(1, marks=pytest.mark.requirement("GUIDE-GEN-03")),
    pytest.param(2, marks=pytest.mark.requirement("GUIDE-GEN-04")),
])
def test_each(case):
    assert case == 1

@pytest.mark.requirement("GUIDE-GEN-02")
def test_skips():
    pytest.skip("not here")

@pytest.fixture
def broken():
    yield
    raise RuntimeError("the teardown fails")

@pytest.mark.requirement("GUIDE-OP-01")
def test_leaves_a_mess(broken):
    assert True
"""

SKIPPED_PROOF = """
@pytest.mark.requirement("GUIDE-GEN-02")
def test_skips():
    pytest.skip("not here")
"""

pytest_plugins = ["pytester"]


@pytest.fixture(params=[(), ("-n", "2")], ids=["alone", "xdist"])
def workers(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Arguments that run the tests in this process, or in two workers."""
    arguments: tuple[str, ...] = request.param
    return arguments


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """An empty project whose tests run with the requirement index."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    pytester.makepyprojecttoml(
        '[tool.pytest.ini_options]\ntestpaths = ["tests"]\n'
        'addopts = ["-p", "tests.house_plugin", "--import-mode=importlib", '
        '"-p", "no:looptime_plugin", "-p", "no:faker"]'
    )
    pytester.mkdir("tests")
    return pytester


def write(project: pytest.Pytester, source: str) -> None:
    """The only test file of the project."""
    (project.path / "tests" / "test_it.py").write_text(source, encoding="utf-8")


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """pytest in a process of its own."""
    return project.runpytest_subprocess(*arguments)


def test_index_counts_only_what_every_marked_test_passed(project: pytest.Pytester, workers: tuple[str, ...]) -> None:
    """GEN-01 and GEN-03 pass; GEN-02 is skipped once, GEN-04 fails, OP-01 fails in its teardown."""
    write(project, PROVING)
    run(project, *workers).stdout.fnmatch_lines(["requirements: 2 of 947 proved"])


def test_unknown_id_stops_collection_and_names_test_and_id(project: pytest.Pytester, workers: tuple[str, ...]) -> None:
    write(project, 'import pytest\n@pytest.mark.requirement("GUIDE-GEN-99")\ndef test_one():\n    assert True\n')
    result = run(project, *workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    text = result.stdout.str() + result.stderr.str()
    assert "tests/test_it.py::test_one names 'GUIDE-GEN-99', which is no id of tests/requirements.toml." in text
    assert "INTERNALERROR" not in text


@pytest.mark.parametrize("mark", ["skipif(False, reason='x')", "skip(reason='x')", "xfail"])
def test_a_test_that_may_not_pass_cannot_be_marked(project: pytest.Pytester, mark: str) -> None:
    """Else the page would depend on the machine."""
    write(
        project,
        f'import pytest\n@pytest.mark.{mark}\n@pytest.mark.requirement("GUIDE-GEN-01")\ndef test_one():\n    pass\n',
    )
    result = run(project)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "cannot prove GUIDE-GEN-01" in result.stderr.str()


def test_a_mark_without_ids_is_refused(project: pytest.Pytester) -> None:
    write(project, "import pytest\n@pytest.mark.requirement\ndef test_one():\n    assert True\n")
    result = run(project)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "takes one or more ids" in result.stderr.str()


ONE_OF_TWO = """
import pytest

@pytest.mark.requirement("GUIDE-GEN-01")
def test_one():
    assert True

def test_two():
    assert True
"""


def test_complete_run_writes_the_page_and_fails_until_it_is_the_same(
    project: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    write(project, ONE_OF_TWO)
    page = project.path / "docs" / "conformance.md"
    asked = ("--conformance=docs/conformance.md", *workers)
    first = run(project, *asked)
    assert first.ret == pytest.ExitCode.TESTS_FAILED
    first.stdout.fnmatch_lines(["docs/conformance.md was missing and has been written anew*"])
    text = page.read_text(encoding="utf-8")
    assert text.startswith("1 of 947 requirements proved\n")
    assert "| GUIDE-GEN-01 | proved |" in text
    assert "`tests/test_it.py::test_one` |" in text
    assert run(project, *asked).ret == pytest.ExitCode.OK
    page.write_text("2 of 947 requirements proved\n", encoding="utf-8")
    third = run(project, *asked)
    assert third.ret == pytest.ExitCode.TESTS_FAILED
    third.stdout.fnmatch_lines(["docs/conformance.md was out of date*"])
    assert page.read_text(encoding="utf-8") == text


def test_complete_run_that_accepts_the_page_writes_it_and_passes(project: pytest.Pytester) -> None:
    write(project, ONE_OF_TWO)
    result = run(project, "--conformance=page.md", "--conformance-accept")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["page.md has been written anew."])
    assert (project.path / "page.md").read_text(encoding="utf-8").startswith("1 of 947")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["tests/test_it.py"], "tests were left out"),
        (["-k", "one"], "tests were left out"),
        (["--deselect", "tests/test_it.py::test_two"], "tests were left out"),
        (["-k", "one", "-n", "2"], "tests were left out"),
    ],
)
def test_narrowed_run_leaves_the_page_alone(project: pytest.Pytester, arguments: list[str], reason: str) -> None:
    write(project, ONE_OF_TWO)
    result = run(project, "--conformance=page.md", *arguments)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines([f"page.md was left as it is, because {reason}."])
    assert not (project.path / "page.md").exists()


def test_run_that_skips_a_proof_leaves_the_page_alone_and_says_why(
    project: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    write(project, ONE_OF_TWO + SKIPPED_PROOF)
    result = run(project, "--conformance=page.md", *workers)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        ["page.md was left as it is, because a test that names a requirement was skipped*not here*"]
    )
    assert not (project.path / "page.md").exists()


def test_failing_run_leaves_the_page_alone(project: pytest.Pytester, workers: tuple[str, ...]) -> None:
    write(project, ONE_OF_TWO + "\ndef test_three():\n    assert False\n")
    result = run(project, "--conformance=page.md", *workers)
    result.stdout.fnmatch_lines(["page.md was left as it is, because not every test passed."])
    assert not (project.path / "page.md").exists()
