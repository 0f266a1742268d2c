"""`use`: as a statement, a block and a decorator; across threads and coroutines; what it refuses."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import EntryPoint
from types import ModuleType

import numpy as np
import pytest

import ragged
from ragged import registry
from ragged.context import active
from ragged.operands import common_backend
from ragged_numpy import NumpyBackend


class OtherBackend(NumpyBackend):
    """A second eager backend, so that these tests need no framework."""

    name = "other"


class ThirdBackend(NumpyBackend):
    name = "third"


@pytest.fixture(autouse=True)
def others(monkeypatch):
    """Two more adapters, and one whose framework is not installed, registered as plugins are."""
    for name, framework, kind in (
        ("other", "numpy", OtherBackend),
        ("third", "numpy", ThirdBackend),
        ("absent", "a_framework_that_nobody_has", None),
    ):
        module = ModuleType(f"adapter_{name}")
        vars(module).update(FRAMEWORK=(framework,), Backend=kind)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        point = EntryPoint(name, f"{module.__name__}:Backend", registry.GROUP)
        monkeypatch.setitem(registry.entry_points(), name, point)


def on(name, x):
    """The same array, said to be of another framework."""
    return ragged.Array._of(x.layout, registry.get_backend(name))


def in_thread(f):
    """The result of `f` in a new thread."""
    found = []
    thread = threading.Thread(target=lambda: found.append(f()))
    thread.start()
    thread.join()
    return found[0]


def test_nothing_is_active_by_default():
    assert ragged.current() is None
    assert active() is None


def test_a_statement_acts_at_once():
    ragged.use("other")
    assert ragged.current() == "other"
    ragged.use("numpy")
    assert ragged.current() == "numpy"


def test_constructors_build_on_the_active_backend():
    assert ragged.backend(ragged.Array([[1.0]])) == "numpy"
    with ragged.use("other"):
        assert ragged.backend(ragged.Array([[1.0]])) == "other"
        assert ragged.backend(ragged.Array([[1.0]], backend="numpy")) == "numpy"


def test_operations_never_read_the_context():
    x = ragged.Array([[1.0, 2.0], []])
    with ragged.use("other"):
        assert ragged.backend(x + 1) == "numpy"
        assert ragged.backend(ragged.num(x)) == "numpy"


def test_a_block_undoes_what_it_did():
    with ragged.use("other") as scope:
        assert ragged.current() == "other"
        assert repr(scope) == "use('other')"
    assert ragged.current() is None


def test_blocks_nest():
    with ragged.use("other"):
        with ragged.use("third"):
            assert ragged.current() == "third"
        assert ragged.current() == "other"


def test_a_block_undoes_after_an_error():
    with pytest.raises(ZeroDivisionError), ragged.use("other"):
        _ = 1 / 0
    assert ragged.current() is None


def test_a_block_leaves_the_statement_before_it():
    ragged.use("third")
    with ragged.use("other"):
        assert ragged.current() == "other"
        assert in_thread(ragged.current) == "third"
    assert ragged.current() == "third"
    assert in_thread(ragged.current) == "third"


def test_one_scope_can_be_entered_again():
    scope = ragged.use("other")
    for _ in range(2):
        with scope, scope:
            assert ragged.current() == "other"
        assert ragged.current() is None


def test_entering_an_old_scope_keeps_a_later_statement():
    scope = ragged.use("other")
    ragged.use("third")
    with scope:
        assert ragged.current() == "other"
    assert ragged.current() == "third"
    assert in_thread(ragged.current) == "third"


def test_a_decorator_scopes_one_function():
    @ragged.use("other")
    def f(x, *, y):
        """Doc."""
        return ragged.current(), x, y

    assert ragged.current() is None
    assert f(1, y=2) == ("other", 1, 2)
    assert (f.__name__, f.__doc__) == ("f", "Doc.")
    assert ragged.current() is None
    assert in_thread(ragged.current) is None


def test_a_decorated_function_leaves_the_context_of_its_caller():
    f = ragged.use("other")(ragged.current)
    with ragged.use("third"):
        assert f() == "other"
        assert ragged.current() == "third"


def test_a_decorated_function_undoes_after_an_error():
    @ragged.use("other")
    def f():
        raise KeyError("x")

    with pytest.raises(KeyError):
        f()
    assert ragged.current() is None


def test_a_decorated_function_may_recur():
    @ragged.use("other")
    def depth(n):
        return ragged.current() if n == 0 else depth(n - 1)

    assert depth(3) == "other"
    assert ragged.current() is None


def test_coroutines_keep_their_own_backend_while_they_interleave():
    seen = []

    @ragged.use("other")
    async def first():
        seen.append(ragged.current())
        await asyncio.sleep(0)
        seen.append(ragged.current())

    @ragged.use("third")
    async def second():
        seen.append(ragged.current())
        await asyncio.sleep(0)
        seen.append(ragged.current())

    async def both():
        await asyncio.gather(first(), second())
        return ragged.current()

    assert asyncio.iscoroutinefunction(first)
    assert asyncio.run(both()) is None
    assert seen == ["other", "third", "other", "third"]


def test_generator_functions_are_refused():
    def generate():
        yield 1

    async def generate_async():
        yield 1

    for f in (generate, generate_async):
        with pytest.raises(ragged.RaggedError, match=r"generator function generate.*inside it"):
            ragged.use("other")(f)
    assert ragged.current() is None


class AsyncProgram:
    async def __call__(self):
        await asyncio.sleep(0)
        return ragged.current()


class Program:
    def __call__(self):
        return ragged.current()


class Generator:
    def __call__(self):
        yield ragged.current()


def test_objects_to_call_are_scoped_as_functions_are():
    assert ragged.use("other")(Program())() == "other"
    assert asyncio.run(ragged.use("other")(AsyncProgram())()) == "other"
    assert asyncio.run(ragged.use("other")(functools.partial(AsyncProgram()))()) == "other"
    assert ragged.current() is None
    with pytest.raises(ragged.RaggedError, match="generator function Generator"):
        ragged.use("other")(Generator())


def test_classes_are_refused():
    with pytest.raises(ragged.RaggedError, match="class Program: decorate its methods"):
        ragged.use("other")(Program)
    assert ragged.current() is None


def test_a_statement_on_the_main_thread_is_the_default_of_threads_and_executors():
    ragged.use("other")
    assert in_thread(ragged.current) == "other"
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(ragged.current).result() == "other"
    assert contextvars.Context().run(ragged.current) == "other"


def test_a_block_is_seen_by_no_other_thread():
    with ragged.use("other"):
        assert in_thread(ragged.current) is None


def test_a_statement_in_a_thread_stays_there():
    def work():
        ragged.use("other")
        return ragged.current()

    assert in_thread(work) == "other"
    assert ragged.current() is None
    assert in_thread(ragged.current) is None


def test_threads_keep_apart():
    barrier = threading.Barrier(2, timeout=10)

    def work(name):
        with ragged.use(name):
            barrier.wait()
            return ragged.current(), ragged.backend(ragged.Array([[1.0]]))

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(work, ["other", "third"])) == [("other", "other"), ("third", "third")]


def test_the_first_available_name_is_used():
    with ragged.use("absent", "other", "numpy"):
        assert ragged.current() == "other"


def test_unknown_backends_are_refused_and_change_nothing():
    for names in (("nonesuch",), ("numpy", "nonesuch")):
        with pytest.raises(ragged.MissingBackendError, match=r"no backend 'nonesuch'; there are numpy, .*other"):
            ragged.use(*names)
    assert ragged.current() is None


def test_a_missing_framework_names_the_extra_to_install():
    for names in (("absent",), ("absent", "absent")):
        with pytest.raises(ragged.MissingBackendError, match=r"pip install 'ragged-diff\[absent\]'") as caught:
            ragged.use(*names)
        assert isinstance(caught.value, ImportError)
        assert "\n" not in str(caught.value)


def test_a_name_of_no_backend_is_refused_beside_one_that_is_there():
    with pytest.raises(ragged.MissingBackendError, match=r"^no backend 'pytorch'; there are numpy"):
        ragged.use("pytorch", "numpy")
    assert ragged.current() is None


def test_no_name_is_an_error():
    with pytest.raises(TypeError, match="at least one backend"):
        ragged.use()


@pytest.mark.parametrize("options", [{"device": "abacus"}, {"precision": "float8"}])
def test_unknown_options_are_refused(options):
    with pytest.raises(ragged.UnsupportedError, match=r"abacus|float8"):
        ragged.use("numpy", **options)
    assert ragged.current() is None


def test_available_lists_what_is_installed_in_order():
    assert ragged.available()[0] == "numpy"
    assert "absent" not in ragged.available()
    assert ragged.available()[-2:] == ("other", "third")


def test_two_frameworks_in_one_operation_name_both_and_the_way_out():
    x = on("other", ragged.Array([[1.0], []]))
    y = on("third", x)
    with pytest.raises(ragged.BackendMismatchError, match=r"other and third.*to_backend\('other'\)") as caught:
        _ = x + y
    assert isinstance(caught.value, TypeError)


def test_numpy_joins_whatever_it_meets():
    x = on("other", ragged.Array([[1.0], []]))
    for each in (ragged.Array([[2.0], []]), 2.0, np.float64(2.0), [[2.0], []]):
        assert ragged.backend(x * each) == "other"
        assert (each * x if not isinstance(each, list) else x).to_list() is not None
    assert common_backend([None, registry.get_backend("other"), ragged.Array([1])._backend]) is registry.get_backend(
        "other"
    )
