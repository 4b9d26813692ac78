#include "output/linear.hpp"

#include <algorithm>

#include "scan/memory.hpp"
#include "threads/pool.hpp"

namespace gatewise {
namespace {

constexpr std::size_t band = 96;  // units whose weights stay near while all rows pass by

// Sixteen rows side by side: [depth][16], what is missing is 0.
template <class T>
void pack(const Linear<T>& task, std::size_t first, T* to) {
    const std::size_t count = std::min<std::size_t>(block, task.rows - first);
    if (count < block) std::fill_n(to, task.depth * block, T(0));
    for (std::size_t k = 0; k < task.depth; k += block)
        for (std::size_t r = 0; r < count; ++r)
            for (std::size_t d = k; d < std::min(task.depth, k + block); ++d) to[d * block + r] = task.features[(first + r) * task.depth + d];
}

}  // namespace

template <class T>
void run_linear(const Kernels& kernels, const Linear<T>& task, int threads, const Stop& stop) {
    const std::size_t panels = (task.rows + block - 1) / block, bands = (task.units + band - 1) / band;
    if (!panels || !bands) return;
    Buffer<T> packed(panels * task.depth * block);
    for (std::size_t p = 0; p < panels; ++p) pack(task, p * block, packed.data() + p * task.depth * block);
    Watch watch(stop);
    const int workers = static_cast<int>(std::min<std::size_t>(threads, bands));
    in_parallel(workers, [&](int thread) {
        for (std::size_t i = thread; i < bands; i += workers)
            for (std::size_t p = 0; p < panels; ++p) {
                watch.look(thread);
                const std::size_t unit = i * band, row = p * block;
                const int count = static_cast<int>(std::min(band, task.units - unit)), columns = static_cast<int>(std::min<std::size_t>(block, task.rows - row));
                kernels.of<T>().multiply_rows({task.weight + unit * task.depth, static_cast<std::ptrdiff_t>(task.depth), packed.data() + p * task.depth * block,
                                               static_cast<int>(task.depth), task.bias ? task.bias + unit : nullptr, task.out + row * task.units + unit,
                                               static_cast<std::ptrdiff_t>(task.units), count, columns});
            }
    });
}

template void run_linear<float>(const Kernels&, const Linear<float>&, int, const Stop&);
template void run_linear<double>(const Kernels&, const Linear<double>&, int, const Stop&);

}  // namespace gatewise
