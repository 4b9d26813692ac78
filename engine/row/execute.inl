// The row machine: included inside the namespace of an instruction set.

template <class T>
struct Machine {
    const Rows<T>& task;
    const Code* code;

    T* at(int operand) const { return task.here[operand] + task.pair * task.operands[operand].pair; }
    std::ptrdiff_t stride(int operand) const { return task.operands[operand].row; }

    template <class F>
    void map(F f) const {  // one source
        const T* a = at(code->sources[0]);
        T* to = at(code->target);
        const std::ptrdiff_t as = stride(code->sources[0]), ts = stride(code->target);
        for (int r = 0; r < task.rows; ++r)
            for (int v = 0; v < Vectors<T>::per_block; ++v) {
                const int i = v * Vectors<T>::lanes;
                store<T>(to + r * ts + i, f(load(a + r * as + i)));
            }
    }

    template <class F>
    void map_two(F f) const {
        const T *a = at(code->sources[0]), *b = at(code->sources[1]);
        T* to = at(code->target);
        const std::ptrdiff_t as = stride(code->sources[0]), bs = stride(code->sources[1]), ts = stride(code->target);
        for (int r = 0; r < task.rows; ++r)
            for (int v = 0; v < Vectors<T>::per_block; ++v) {
                const int i = v * Vectors<T>::lanes;
                store<T>(to + r * ts + i, f(load(a + r * as + i), load(b + r * bs + i)));
            }
    }

    template <class F>
    void map_three(F f) const {
        const T *a = at(code->sources[0]), *b = at(code->sources[1]), *c = at(code->sources[2]);
        T* to = at(code->target);
        const std::ptrdiff_t as = stride(code->sources[0]), bs = stride(code->sources[1]);
        const std::ptrdiff_t cs = stride(code->sources[2]), ts = stride(code->target);
        for (int r = 0; r < task.rows; ++r)
            for (int v = 0; v < Vectors<T>::per_block; ++v) {
                const int i = v * Vectors<T>::lanes;
                store<T>(to + r * ts + i, f(load(a + r * as + i), load(b + r * bs + i), load(c + r * cs + i)));
            }
    }

    template <class F>
    void library(F f) const {  // a function of the C library
        map([f](V<T> x) { return each<T>(x, f); });
    }

    // Unit by unit over the blocks; the lanes are joined when all blocks have been seen (scan/run.cpp).
    template <class F>
    void reduce(T start, F f) const {
        const T* a = at(code->sources[0]);
        T* to = at(code->target);
        const std::ptrdiff_t as = stride(code->sources[0]), ts = stride(code->target);
        for (int r = 0; r < task.rows; ++r)
            for (int i = 0; i < block; ++i) {
                T before = task.first ? start : to[r * ts + i];
                to[r * ts + i] = i < task.lanes ? f(before, a[r * as + i]) : before;
            }
    }

    // Each pair of rows has a sum of its own, so that sums do not depend on which thread a row belongs to. One sum over all
    // time steps would lose what is small beside it: a full level is added to the next and begins anew.
    void accumulate() const {
        const T* a = at(code->sources[0]);
        T* to = at(code->target);
        const std::ptrdiff_t as = stride(code->sources[0]), next = task.operands[code->target].pair, up = stride(code->target);
        for (int r = 0; r < task.rows; r += sum_rows, to += next)
            for (int v = 0; v < Vectors<T>::per_block; ++v) {
                const int i = v * Vectors<T>::lanes;
                V<T> sum = load(a + r * as + i);
                if (r + 1 < task.rows) sum += load(a + (r + 1) * as + i);
                store<T>(to + i, load(to + i) + sum);
                for (int level = 0; level < task.full; ++level) {
                    T* full = to + level * up + i;
                    store<T>(full + up, load(full + up) + load(full));
                    store<T>(full, all(T(0)));
                }
            }
    }

    static V<T> truth(typename Vectors<T>::I mask) { return mask ? all(T(1)) : all(T(0)); }

    void run() const {
        using X = V<T>;
        switch (static_cast<Op>(code->operation)) {
            case Op::copy: return map([](X a) { return a; });
            case Op::neg: return map([](X a) { return -a; });
            case Op::add: return map_two([](X a, X b) { return a + b; });
            case Op::sub: return map_two([](X a, X b) { return a - b; });
            case Op::mul: return map_two([](X a, X b) { return a * b; });
            case Op::div: return map_two([](X a, X b) { return a / b; });
            case Op::maximum: return map_two([](X a, X b) { return b != b ? b : (a < b ? b : a); });
            case Op::minimum: return map_two([](X a, X b) { return b != b ? b : (a > b ? b : a); });
            case Op::greater: return map_two([](X a, X b) { return truth(a > b); });
            case Op::greater_equal: return map_two([](X a, X b) { return truth(a >= b); });
            case Op::equal: return map_two([](X a, X b) { return truth(a == b); });
            case Op::select: return map_three([](X a, X b, X c) { return a != T(0) ? b : c; });
            case Op::sigmoid: return map([](X a) { return sigmoid(a); });
            case Op::tanh: return map([](X a) { return hyperbolic_tangent(a); });
            case Op::relu: return map([](X a) { return a < T(0) ? all(T(0)) : a; });
            case Op::exp: return map([](X a) { return exponential(a); });
            case Op::expm1: return library([](T a) { return std::expm1(a); });
            case Op::log: return library([](T a) { return std::log(a); });
            case Op::log1p: return library([](T a) { return std::log1p(a); });
            case Op::sqrt: return map([](X a) { return square_root<T>(a); });
            case Op::rsqrt: return map([](X a) { return T(1) / square_root<T>(a); });
            case Op::reciprocal: return map([](X a) { return T(1) / a; });
            case Op::abs: return map([](X a) { return a < T(0) ? -a : a; });
            case Op::sign: return map([](X a) { return a > T(0) ? all(T(1)) : (a < T(0) ? all(T(-1)) : a); });
            case Op::sin: return library([](T a) { return std::sin(a); });
            case Op::cos: return library([](T a) { return std::cos(a); });
            case Op::erf: return library([](T a) { return std::erf(a); });
            case Op::sigmoid_gradient: return map_two([](X g, X y) { return g * (y * (T(1) - y)); });
            case Op::tanh_gradient: return map_two([](X g, X y) { return g * (T(1) - y * y); });
            case Op::relu_gradient: return map_two([](X g, X y) { return y > T(0) ? g : all(T(0)); });
            case Op::row_sum:
            case Op::row_mean: return reduce(T(0), [](T a, T b) { return a + b; });
            case Op::row_max:
                return reduce(-std::numeric_limits<T>::infinity(), [](T a, T b) { return b != b || b > a ? b : a; });
            case Op::accumulate: return accumulate();
            case Op::chosen:
                return choose(task.place.choices[code->sources[0]], task.place, task.rows, task.lanes, at(code->target), stride(code->target));
        }
    }
};

template <class T>
void execute(const Rows<T>& task) {
    for (int i = 0; i < task.count; ++i) Machine<T>{task, task.codes + i}.run();
}
