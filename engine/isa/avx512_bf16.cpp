#define GATEWISE_ISA avx512_bf16
#include "isa/kernels.inl"
