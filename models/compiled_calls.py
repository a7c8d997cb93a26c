"""Calls a compiled function by its address, so that it is compiled once and not into every caller again.

Numba puts the code of what a function calls into the function. Where a large function is called from many, compiling
them takes much longer, and a call costs next to nothing beside its work.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

from numba import typeof, types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.core.typing import signature
from numba.extending import intrinsic

Function = TypeVar("Function", bound=Callable[..., Any])


def by_address(function: Function, example: Callable[[], tuple[Any, ...]]) -> tuple[Callable[[], int], Any]:
    """Return what finds the address of a compiled function, and what calls it in compiled code, given the address.

    The call takes the address and then the arguments, whose types must be those of `example`; compiling it raises
    TypingError otherwise. The address is valid in this process and those forked from it.
    """
    if not hasattr(function, "source_stamps"):  # not compiled: NUMBA_DISABLE_JIT

        def plainly(_address: int, *arguments: Any) -> Any:
            return function(*arguments)

        return lambda: 0, plainly

    @cache
    def compiled_for() -> tuple[Any, Any]:
        """Return the argument types, and what is compiled for them."""
        kinds = tuple(typeof(value) for value in example())
        dispatcher = cast("Any", function)
        dispatcher.compile(kinds)
        return kinds, dispatcher.overloads[kinds]

    def address() -> int:
        _, found = compiled_for()
        return int(found.library.get_pointer_to_function(found.fndesc.llvm_func_name))

    @intrinsic  # type: ignore[untyped-decorator]
    def call(_typing: Any, _address: Any, *arguments: Any) -> Any:
        kinds, found = compiled_for()
        given = arguments[0] if len(arguments) == 1 and isinstance(arguments[0], types.BaseTuple) else arguments
        if tuple(map(types.unliteral, given)) != kinds:
            raise TypingError(f"called by address with other types than {kinds}: {given}")
        result = found.signature.return_type

        def generate(context: Any, builder: Any, own: Any, values: Any) -> Any:
            convention = context.call_conv
            where, packed = values
            unpacked = cgutils.unpack_tuple(builder, packed)
            pointer = builder.inttoptr(where, convention.get_function_type(result, kinds).as_pointer())
            status, answer = convention.call_function(builder, pointer, result, kinds, unpacked)
            with cgutils.if_unlikely(builder, status.is_error):
                convention.return_status_propagate(builder, status)
            return answer

        return signature(result, types.intp, types.Tuple(given)), generate

    cast("Any", call).source_stamps = cast("Any", function).source_stamps  # callers count on what it takes and returns
    return address, call
