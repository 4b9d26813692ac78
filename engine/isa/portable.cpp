#define GATEWISE_ISA portable
#include "isa/kernels.inl"
