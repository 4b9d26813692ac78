#define GATEWISE_ISA avx2
#include "isa/kernels.inl"
