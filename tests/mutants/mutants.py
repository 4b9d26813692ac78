"""Seeded mistakes in the engine and the tracer: each must be found by the fast tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ENGINE, SCAN = "engine", "src/gatewise/scan"


@dataclass(frozen=True)
class Mutant:
    """One mistake.

    Args:
        name: for the table and the command line.
        file: from the root of the repository.
        old: the text as it is, which occurs once in the file.
        new: what stands there instead.
        breaks: what is wrong then.
    """

    name: str
    file: str
    old: str
    new: str
    breaks: str

    @property
    def compiled(self) -> bool:
        """Whether the engine has to be built for it."""
        return self.file.startswith(ENGINE)


MUTANTS = (
    # How a program reaches the engine
    Mutant(
        "swapped_gates",
        f"{SCAN}/fused/encode.py",
        "self._list(product.targets)",
        "self._list(product.targets[::-1])",
        "the gates of a product in another order",
    ),
    Mutant(
        "swapped_operands",
        f"{SCAN}/fused/encode.py",
        "self._list(instruction.sources)",
        "self._list(instruction.sources[::-1])",
        "a - b becomes b - a",
    ),
    Mutant(
        "first_term_only",
        f"{SCAN}/fused/encode.py",
        "self._codes.append(len(matrix.gradient))\n            for outer in matrix.gradient:",
        "self._codes.append(len(matrix.gradient[:1]))\n            for outer in matrix.gradient[:1]:",
        "a matrix that is used twice in a step has half its gradient",
    ),
    Mutant(
        "rounded_constants",
        f"{SCAN}/fused/encode.py",
        "self._numbers.append(value.number)",
        "self._numbers.append(round(value.number, 3))",
        "the numbers of an equation have three digits",
    ),
    Mutant(
        "reverse_ignored",
        f"{SCAN}/fused/runner.py",
        "            call.reverse,\n",
        "            False,\n",
        "time runs forwards in both directions",
    ),
    Mutant(
        "final_gradient_lost",
        f"{SCAN}/fused/runner.py",
        "_optional(given[count:])",
        "[None] * count",
        "nothing flows back from the final states",
    ),
    Mutant(
        "strides_ignored",
        f"{SCAN}/fused/runner.py",
        "given = [None if one is None else _memory(one) for one in gradients]",
        "given = [None if one is None else one.as_strided(one.shape, (one.size(1), 1)) for one in gradients]",
        "a gradient with other strides is read as if it were plain",
    ),
    # The tracer
    Mutant(
        "trace_not_compared",
        f"{SCAN}/trace.py",
        "AGREEMENT = 1e-7",
        "AGREEMENT = 1e7",
        "a trace that computes something else is accepted",
    ),
    Mutant(
        "one_size_only",
        f"{SCAN}/trace.py",
        "if program != again:",
        "if False:",
        "a trace that depends on the sizes is accepted",
    ),
    Mutant(
        "term_dropped",
        f"{SCAN}/program/draft.py",
        '    "mul": ((0, 1.0), (1, 1.0)),',
        '    "mul": ((0, 1.0), (1, 1.0), (1, 0.5)),',
        "the tracer drops a factor of one half",
    ),
    Mutant(
        "threshold_forgotten",
        f"{SCAN}/lowering/elements.py",
        "if threshold == 0:",
        "if threshold < 1:",
        "the gradient of a threshold begins at 0",
    ),
    # The time loop
    Mutant(
        "backward_stops_early",
        f"{ENGINE}/scan/backward.cpp",
        "for (int step = run_.steps_ - 1; step >= 0; --step) {",
        "for (int step = run_.steps_ - 1; step > 0; --step) {",
        "the first time step has no gradient",
    ),
    Mutant(
        "last_step_missing",
        f"{ENGINE}/scan/forward.cpp",
        "if (end(step) <= worker_.begin) return;",
        "if (end(step) <= worker_.begin || (step > 0 && step + 1 == run_.steps_)) return;",
        "the last time step is not computed",
    ),
    Mutant(
        "time_not_turned",
        f"{ENGINE}/scan/run.hpp",
        "given_.reverse ? steps_ - 1 - step : step",
        "given_.reverse && steps_ > 2 ? steps_ - 1 - step : step",
        "two steps in reverse are run forwards",
    ),
    Mutant(
        "late_sequences_not_started",
        f"{ENGINE}/scan/forward.cpp",
        "if (end(step) > before)  // sequences that begin here",
        "if (step == 0 && end(step) > before)",
        "the state of a sequence that begins later, in reverse, is not set",
    ),
    Mutant(
        "short_sequences_have_no_end",
        f"{ENGINE}/scan/forward.cpp",
        "pass_.unpack(made, w, found_.final[s],",
        "if (step + 1 == run_.steps_) pass_.unpack(made, w, found_.final[s],",
        "the final state of a sequence that ends before the others is not written",
    ),
    Mutant(
        "late_initial_gradient_lost",
        f"{ENGINE}/scan/backward.cpp",
        "if (g_.initial[s]) pass_.unpack(",
        "if (g_.initial[s] && step == 0) pass_.unpack(",
        "the initial state of a sequence that begins later, in reverse, has no gradient",
    ),
    Mutant(
        "one_buffer_not_begun",
        f"{ENGINE}/scan/backward.cpp",
        "for (int parity : {0, 1}) {",
        "for (int parity : {0}) {",
        "every other sequence length begins its backward pass with what was in memory",
    ),
    Mutant(
        "carried_gradient_lost",
        f"{ENGINE}/scan/backward.cpp",
        "to[i] += in[i];\n                }\n        }\n        if (plan_",
        "to[i] = in[i];\n                }\n        }\n        if (plan_",
        "the gradient of an output replaces the one that comes from later steps",
    ),
    Mutant(
        "twin_state_lost",
        f"{ENGINE}/scan/forward.cpp",
        "if (first != s) pass_.copy(",
        "if (false) pass_.copy(",
        "of two states that become the same value one is not written",
    ),
    # Sums and gradients of parameters
    Mutant(
        "matrix_gradient_of_first_rows_lost",
        f"{ENGINE}/scan/outer.hpp",
        "first_ > 0 || term > 0;",
        "term > 0;",
        "only the last few hundred rows have a part in the gradient of a matrix",
    ),
    Mutant(
        "matrix_gradient_added_to_what_was_there",
        f"{ENGINE}/scan/outer.hpp",
        "add_ = first_ > 0 || term > 0;",
        "add_ = true;",
        "the gradient of a matrix is added to what was in memory",
    ),
    Mutant(
        "unused_matrix_not_zeroed",
        f"{ENGINE}/scan/outer.hpp",
        "if (thread_ == 0) std::fill_n(to, height * columns_, T(0));",
        "(void)height;",
        "the gradient of a matrix without effect is what was in memory",
    ),
    Mutant(
        "vector_gradient_of_one_step",
        f"{ENGINE}/row/execute.inl",
        "store<T>(to + i, load(to + i) + sum);",
        "store<T>(to + i, sum);",
        "the gradient of a peephole or a bias is that of one time step",
    ),
    Mutant(
        "one_sum_over_all_steps",
        f"{ENGINE}/row/kernels.hpp",
        "for (int done = step + 1; done % sum_steps == 0;",
        "for (int done = step + 1; false;",
        "what is added to a long sum is rounded to the sum's last place",
    ),
    Mutant(
        "level_counted_again",
        f"{ENGINE}/row/execute.inl",
        "store<T>(full, all(T(0)));",
        "",
        "what a full level of a sum held stays in it and is added once more",
    ),
    Mutant(
        "odd_row_lost",
        f"{ENGINE}/row/execute.inl",
        "if (r + 1 < task.rows) sum +=",
        "if (r + 2 < task.rows) sum +=",
        "a sum over rows loses the second row of the last pair",
    ),
    Mutant(
        "rows_of_two_threads",
        f"{ENGINE}/scan/layout.cpp",
        "splits_.push_back((g + 1) * sum_rows);",
        "splits_.push_back((g + 1) * sum_rows - 1);",
        "a pair of rows is split between two threads, which both add to its sum",
    ),
    Mutant(
        "slots_move_under_other_threads",
        f"{ENGINE}/scan/layout.cpp",
        "!plan_.save ? batch_ : std::max",
        "std::max",
        "a thread that is a time step ahead writes its states over those that another thread still reads",
    ),
    # Rows
    Mutant(
        "reduction_over_padding",
        f"{ENGINE}/row/execute.inl",
        "i < task.lanes ? f(before, a[r * as + i]) : before;",
        "f(before, a[r * as + i]);",
        "a sum over a row takes in what pads it",
    ),
    Mutant(
        "mean_of_padding",
        f"{ENGINE}/scan/pass.hpp",
        "row[0] / T(run_.units(reduction.width))",
        "row[0] / T(run_.padded(reduction.width))",
        "a mean is divided by whole blocks",
    ),
    Mutant(
        "one_lane_wrong",
        f"{ENGINE}/scan/pass.hpp",
        "for (int i = 0; i < lanes; ++i) out[i] = in[i];",
        "for (int i = 0; i < lanes; ++i) out[i] = in[i < block - 1 ? i : 0];",
        "the sixteenth unit of a block is the first",
    ),
    Mutant(
        "fused_sum_needed_elsewhere",
        f"{ENGINE}/scan/plan.cpp",
        "if (needed[result] != 1 || here[other]",
        "if (here[other]",
        "a product that something else reads, too, is gone once it is part of a sum",
    ),
    Mutant(
        "scratch_free_too_early",
        f"{ENGINE}/scan/plan.cpp",
        "if (!again && last[place] == static_cast<int>(i) &&",
        "if (!again && last[place] <= static_cast<int>(i) + 1 &&",
        "a place in scratch is used again while something has still to read it",
    ),
    Mutant(
        "select_of_nan",
        f"{ENGINE}/row/execute.inl",
        "return b != b ? b : (a < b ? b : a);",
        "return a < b ? b : a;",
        "the larger of a number and NaN is the number",
    ),
    Mutant(
        "coarse_exponential",
        f"{ENGINE}/row/functions.inl",
        "p = p * r + 4.16666667e-2f;",
        "p = p * r + 4.16e-2f;",
        "exp, sigmoid and tanh have six digits",
    ),
    # Products of bfloat16 numbers
    Mutant(
        "bfloat16_truncated",
        f"{ENGINE}/product/bfloat16.inl",
        "const Bits nearest = bits + 0x7fffu + ((bits >> 16) & 1u);",
        "const Bits nearest = bits;",
        "operands of bfloat16 products are cut off instead of rounded",
    ),
    Mutant(
        "bfloat16_halves_up",
        f"{ENGINE}/product/bfloat16.inl",
        "0x7fffu + ((bits >> 16) & 1u);",
        "0x8000u;",
        "a number in the middle between two of bfloat16 is rounded away from 0 instead of to the even one",
    ),
    Mutant(
        "bfloat16_odd_unit_lost",
        f"{ENGINE}/scan/products.cpp",
        "const int count = std::min(piece, run_.units(w) - k);",
        "const int count = std::min(piece, run_.units(w) - k) & ~1;",
        "the last unit of a source of odd width has no part in a bfloat16 product",
    ),
    Mutant(
        "denormals_kept",
        f"{ENGINE}/threads/pool.cpp",
        "set_control(before_ | flush_denormals);",
        "set_control(before_);",
        "denormal numbers are computed with, a hundred times slower",
    ),
    Mutant(
        "denormals_not_restored",
        f"{ENGINE}/threads/pool.cpp",
        "~FlushDenormals() { set_control(before_); }",
        "~FlushDenormals() {}",
        "the caller's own denormal numbers are flushed from then on",
    ),
)
