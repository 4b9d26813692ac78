// Products of the stages: matrices cut into panels once for each call, and the tiles that read them.
#include "scan/pass.hpp"

namespace gatewise {

// Of one part of a product: which rows of the matrix (columns, of a transposed one) make its units.
template <class T>
struct Run<T>::Pass::Shape {
    const std::vector<int>& in;  // widths of the sources
    std::size_t first, columns;
    int units, blocks;
    const T* from;
    bool transposed;
    T at(std::size_t unit, std::size_t k) const { return transposed ? from[k * columns + first + unit] : from[(first + unit) * columns + k]; }
};

template <class T>
typename Run<T>::Pass::Shape Run<T>::Pass::shape(const PanelOf& of) const {
    const Matrix& m = p_.matrices[of.matrix];
    const std::vector<int>&out = of.transposed ? m.columns : m.rows, &in = of.transposed ? m.rows : m.columns;
    std::size_t columns = 0, first = 0;
    for (int w : m.columns) columns += run_.units(w);
    for (int i = 0; i < of.part; ++i) first += run_.units(out[i]);
    return {in, first, columns, run_.units(out[of.part]), run_.blocks(out[of.part]), run_.given_.matrices[of.matrix], of.transposed};
}

template <class T>
void Run<T>::Pass::make_panels(int begin, int end) {
    const auto make = [&](Panels<T>& to) {
        to.full.resize(plan_.panels.size());
        to.low.resize(plan_.panels.size());
        for (int i = begin; i < end; ++i) {
            if (run_.given_.low) to.low[i] = low_panel(plan_.panels[i]);
            else to.full[i] = panel(plan_.panels[i]);
        }
    };
    if (Kept<T>* kept = run_.given_.kept) std::call_once(kept->made, [&] { make(kept->panels); });
    else make(panels_);
}

// [blocks of the part][sources side by side][16]: a block's numbers lie as its tile reads them.
template <class T>
Buffer<T> Run<T>::Pass::panel(const PanelOf& of) const {
    const Shape s = shape(of);
    std::size_t depth = 0;
    for (int w : s.in) depth += run_.units(w);
    Buffer<T> made(s.blocks * depth * block);
    T* to = made.data();
    for (int u = 0; u < s.units; u += block, to += depth * block) {
        const int lanes = std::min(block, s.units - u);
        if (lanes < block) std::fill_n(to, depth * block, T(0));
        for (std::size_t k = 0; k < depth; k += block) {  // in squares, so that neither side is read or written from afar
            const std::size_t end = std::min(depth, k + block);
            if (s.transposed)
                for (std::size_t d = k; d < end; ++d) std::copy_n(s.from + d * s.columns + s.first + u, lanes, to + d * block);
            else
                for (int i = 0; i < lanes; ++i)
                    for (std::size_t d = k; d < end; ++d) to[d * block + i] = s.from[(s.first + u + i) * s.columns + d];
        }
    }
    return made;
}

// The same as pieces of 32 steps of the depth; each source begins a new one.
template <class T>
Buffer<Low> Run<T>::Pass::low_panel(const PanelOf& of) const {
    const Shape s = shape(of);
    std::size_t pieces = 0;
    for (int w : s.in) pieces += (run_.units(w) + piece - 1) / piece;
    Buffer<Low> made(s.blocks * pieces * piece * block);
    Low* to = made.data();
    for (int u = 0; u < s.units; u += block) {
        std::size_t first = 0;
        for (int w : s.in) {
            for (int k = 0; k < run_.units(w); k += piece, to += piece * block) {
                float rows[piece][block] = {};
                const float* places[piece];
                for (int d = 0; d < piece; ++d) places[d] = rows[d];
                const int count = std::min(piece, run_.units(w) - k);
                for (int d = 0; d < count; ++d)
                    for (int i = 0; i < block && u + i < s.units; ++i) rows[d][i] = static_cast<float>(s.at(u + i, first + k + d));
                run_.low_.pack_right(places, count, to);
            }
            first += run_.units(w);
        }
    }
    return made;
}

// Where each part reads and writes at each time step.
template <class T>
void Run<T>::Pass::prepare_products(const Group& g, Worker& worker, const std::vector<int>& times, int parity, int tile_rows) const {
    const std::size_t count = times.size();
    worker.ready.resize(std::max(worker.ready.size(), g.parts.size() * count));
    worker.packed.resize(std::max(worker.packed.size(), g.parts.size() * count));
    for (std::size_t i = 0; i < g.parts.size(); ++i)
        for (std::size_t t = 0; t < count; ++t) {
            const Part& part = g.parts[i];
            Ready& ready = worker.ready[i * count + t];
            auto at = [&](int value) { return view(value, times[t], worker, tile_rows, worker.shifts[t], parity); };
            ready.to = at(part.target);
            for (std::size_t k = 0; k < part.addends.size(); ++k) ready.addend[k] = at(part.addends[k]);
            if (run_.given_.low) {
                const bool again = i > 0 && part.sources == g.parts[i - 1].sources;
                ready.low = again ? worker.ready[(i - 1) * count + t].low : pack_sources(part.sources, worker, i * count + t, times[t], tile_rows, worker.shifts[t], parity);
                ready.depth = pieces(part.sources);
                continue;
            }
            ready.chunks.clear();
            ready.depth = 0;
            int since = 0;  // steps of the depth since sums began
            for (int source : part.sources) {
                const View<T> from = at(source);
                const int units = run_.units(p_.values[source].width);
                for (int u = 0; u * block < units; ++u) {
                    const int depth = std::min(block, units - u * block);
                    // The blocks of a single row lie side by side: one chunk, but for where sums begin anew.
                    if (u > 0 && since > 0 && from.unit == block) ready.chunks.back().depth += depth;
                    else ready.chunks.push_back({from.rows_from(u, worker.begin), nullptr, depth});
                    since = since + depth < depth_at_once ? since + depth : 0;
                }
                ready.depth += units;
            }
        }
}

template <class T>
const Low* Run<T>::Pass::pack_sources(const std::vector<int>& sources, Worker& worker, std::size_t place, int step, int tile_rows, int shift, int parity) const {
    const int rows = std::min(worker.end, run_.rows(step)) - worker.begin;
    if (rows <= 0) return nullptr;
    Buffer<Low>& packed = worker.packed[place];
    const std::size_t needed = static_cast<std::size_t>(pieces(sources)) * rows * piece;
    if (packed.count() < needed) packed = Buffer<Low>(needed);
    Low* to = packed.data();
    if constexpr (std::is_same_v<T, float>)
        for (int source : sources) {
            const View<T> at = view(source, step, worker, tile_rows, shift, parity);
            const int units = run_.units(p_.values[source].width);
            for (int u = 0; u < units; u += piece, to += rows * piece)
                run_.low_.pack_rows({at.rows_from(u / block, worker.begin), at.unit, std::min(piece, units - u), rows, to});
        }
    return packed.data();
}

template <class T>
void Run<T>::Pass::multiply(const Group& g, Worker& worker, int u, std::size_t count) const {
    if (count > 1 && single_rows(g, worker, count)) {
        for (std::size_t part = 0; part < g.parts.size(); ++part) multiply_steps(g.parts[part], &worker.ready[part * count], u, static_cast<int>(count));
        return;
    }
    for (std::size_t first = 0, end = 0; first < g.parts.size(); first = end) {
        for (end = first + 1; end < g.parts.size() && end < first + most_beside && g.parts[end].sources == g.parts[first].sources;) ++end;
        const auto alone = [&](std::size_t t) { return worker.ends[t] - worker.begin == 1 && end - first > 1 && !run_.given_.low; };
        for (std::size_t part = first; part < end; ++part)
            for (std::size_t t = 0; t < count; ++t)
                if (worker.ends[t] > worker.begin && !alone(t)) multiply(g.parts[part], worker.ready[part * count + t], u, worker.begin, worker.ends[t]);
        for (std::size_t t = 0; t < count; ++t)
            if (alone(t)) multiply_one_row(g, first, end, worker, u, t, count);
    }
}

template <class T>
void Run<T>::Pass::multiply(const Part& part, Ready& ready, int u, int begin, int end) const {
    const Target<T> target = aim(part, ready, u, begin, end);
    if (run_.given_.low) {
        if constexpr (std::is_same_v<T, float>)
            run_.low_.multiply({ready.low, panels().low[part.product].data() + u * ready.depth * piece * block, static_cast<int>(ready.depth), target});
    } else {
        run_.kernels_.multiply(tile(part, ready, u, target));
    }
    spread(part, ready.to, begin, end);
}

// Whether each of these time steps has one row, so that they lie at equal distances.
template <class T>
bool Run<T>::Pass::single_rows(const Group& g, const Worker& worker, std::size_t count) const {
    if (run_.batch_ != 1 || run_.given_.low) return false;
    for (std::size_t t = 0; t < count; ++t)
        if (worker.ends[t] != 1) return false;
    return std::all_of(g.parts.begin(), g.parts.end(), [&](const Part& part) { return part.sources.size() == 1 && p_.widths[p_.values[part.target].width] != 1; });
}

// Time steps of one row each as the rows of one tile.
template <class T>
void Run<T>::Pass::multiply_steps(const Part& part, Ready* steps, int u, int count) const {
    Target<T> target = aim(part, steps[0], u, 0, 1);
    const Target<T> next = aim(part, steps[1], u, 0, 1);
    target.rows = count;
    target.out_row = next.out - target.out;
    for (int i = 0; i < target.addends; ++i) steps[0].from_row[i] = steps[1].from[i] - steps[0].from[i];
    Tile<T> task = tile(part, steps[0], u, target);
    task.row = steps[1].chunks[0].a - steps[0].chunks[0].a;
    run_.kernels_.multiply(task);
}

// Parts that read the same sources.
template <class T>
void Run<T>::Pass::multiply_one_row(const Group& g, std::size_t first, std::size_t end, Worker& worker, int u, std::size_t t, std::size_t count) const {
    Tile<T> tiles[most_beside] = {};
    for (std::size_t part = first; part < end; ++part) {
        Ready& ready = worker.ready[part * count + t];
        tiles[part - first] = tile(g.parts[part], ready, u, aim(g.parts[part], ready, u, worker.begin, worker.begin + 1));
    }
    run_.kernels_.multiply_beside(tiles, static_cast<int>(end - first));
    for (std::size_t part = first; part < end; ++part) spread(g.parts[part], worker.ready[part * count + t].to, worker.begin, worker.begin + 1);
}

// Where a part's sums go, and what they are added to.
template <class T>
Target<T> Run<T>::Pass::aim(const Part& part, Ready& ready, int u, int begin, int end) const {
    const int addends = static_cast<int>(part.addends.size());
    for (int i = 0; i < addends; ++i) ready.from[i] = ready.addend[i].rows_from(u, begin), ready.from_row[i] = ready.addend[i].row;
    return {ready.to.rows_from(u, begin), ready.to.row, end - begin, block, addends, ready.from, ready.from_row};
}

template <class T>
Tile<T> Run<T>::Pass::tile(const Part& part, Ready& ready, int u, const Target<T>& target) const {
    const T* b = panels().full[part.product].data() + u * ready.depth * block;
    for (Chunk<T>& chunk : ready.chunks) chunk.b = b, b += static_cast<std::size_t>(chunk.depth) * block;
    return {ready.chunks.data(), static_cast<int>(ready.chunks.size()), false, target};
}

// A value that is 1 wide fills its block.
template <class T>
void Run<T>::Pass::spread(const Part& part, const View<T>& to, int begin, int end) const {
    if (p_.widths[p_.values[part.target].width] != 1) return;
    for (int r = begin; r < end; ++r) {
        T* row = to.rows_from(0, r);
        std::fill(row, row + block, row[0]);
    }
}

template class Run<float>::Pass;
template class Run<double>::Pass;

}  // namespace gatewise
