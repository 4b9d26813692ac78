#define GATEWISE_ISA avx512
#include "isa/kernels.inl"
