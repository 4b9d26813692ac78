#define GATEWISE_ISA amx
#include "isa/kernels.inl"
