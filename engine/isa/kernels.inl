// One source for all instruction sets: GATEWISE_ISA is the name of the one that this object is compiled for.
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

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
}  // namespace

#define GATEWISE_TEXT(name) #name
#define GATEWISE_NAME(name) GATEWISE_TEXT(name)
const Kernels kernels{GATEWISE_NAME(GATEWISE_ISA), {execute<float>, multiply<float>}, {execute<double>, multiply<double>}};

}  // namespace GATEWISE_ISA
}  // namespace gatewise
