// One source for all instruction sets: GATEWISE_ISA is the name of the one that this object is compiled for.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#if defined(__AVX512BF16__) || defined(__AMX_BF16__)
#include <immintrin.h>
#endif

#include "isa/isa.hpp"
#include "program/operations.hpp"

namespace gatewise {
namespace GATEWISE_ISA {
namespace {
#include "row/vector.inl"
#include "row/functions.inl"
#include "row/choice.inl"
#include "row/execute.inl"
#include "product/multiply.inl"
#include "product/bfloat16.inl"
#if defined(__AMX_BF16__)
#include "product/amx.inl"
constexpr auto multiply_bfloat16 = multiply_in_tiles;
#else
constexpr auto multiply_bfloat16 = multiply_low;
#endif
}  // namespace

#define GATEWISE_TEXT(name) #name
#define GATEWISE_NAME(name) GATEWISE_TEXT(name)
const Kernels kernels{GATEWISE_NAME(GATEWISE_ISA), {execute<float>, multiply<float>, multiply_beside<float>, multiply_rows<float>},
                      {execute<double>, multiply<double>, multiply_beside<double>, multiply_rows<double>}, {multiply_bfloat16, pack_rows, pack_left, pack_right}};

}  // namespace GATEWISE_ISA
}  // namespace gatewise
