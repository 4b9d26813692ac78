#!/bin/sh
# Builds the engine's own tests and runs them: all under the address and undefined-behaviour sanitizers, then those
# with threads under the thread sanitizer.
#
#   engine/tests/run.sh [BUILD_FOLDER]      the default is build/engine-tests
#
# PYTHON=... with gatewise at hand adds the programs of all registered cells; JOBS=... compiles side by side.
set -eu
engine=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$engine/../build/engine-tests}
jobs=${JOBS:-1}
mkdir -p "$build/programs"
if [ -n "${PYTHON:-}" ]; then
    "$PYTHON" "$engine/tests/write_programs.py" "$build/programs/programs.inl"
fi

# make_tests NAME SANITIZERS TARGETS...
make_tests() {
    folder=$build/$1
    cmake -S "$engine" -B "$folder" -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_FLAGS=-O1 -DGATEWISE_MODULE=OFF -DGATEWISE_TESTS=ON \
        -DGATEWISE_SANITIZE="$2" -DGATEWISE_PROGRAMS="$build/programs" > "$folder.log"
    shift 2
    cmake --build "$folder" --parallel "$jobs" --target "$@" >> "$folder.log" || { cat "$folder.log"; exit 1; }
}

export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS=halt_on_error=1:allocator_may_return_null=1

tests="memory rows products low_products functions forks programs scans threads"
make_tests checked address,undefined $(for test in $tests; do echo "test_$test"; done)
for test in $tests; do
    echo "== $test, addresses and undefined behaviour"
    case $test in
        functions) "$build/checked/tests/test_functions" "${STRIDE:-4099}" ;;
        *) "$build/checked/tests/test_$test" ;;
    esac
done

tests="memory threads scans"
make_tests threaded thread $(for test in $tests; do echo "test_$test"; done)
for test in $tests; do
    echo "== $test, threads"
    "$build/threaded/tests/test_$test"
done
echo "all of the engine's own tests passed"
