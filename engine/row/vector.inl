// Vectors of the instruction set that this is compiled for; included inside its namespace.

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#elif defined(__AVX2__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif

template <class T>
struct Vectors {
    using Int = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
    typedef T V __attribute__((vector_size(vector_bytes)));
    typedef T Loose __attribute__((vector_size(vector_bytes), aligned(alignof(T)), may_alias));
    typedef Int I __attribute__((vector_size(vector_bytes)));
    static constexpr int lanes = vector_bytes / sizeof(T);
    static constexpr int per_block = block / lanes;
};
template <class T>
using V = typename Vectors<T>::V;

template <class T>
inline V<T> load(const T* from) { return *reinterpret_cast<const typename Vectors<T>::Loose*>(from); }
template <class T>
inline void store(T* to, V<T> value) { *reinterpret_cast<typename Vectors<T>::Loose*>(to) = value; }
template <class T>
inline V<T> all(T number) { return number - V<T>{}; }  // not plus: -0 + 0 is 0

// A function of the C library, unit by unit.
template <class T, class F>
inline V<T> each(V<T> x, F f) {
    for (int i = 0; i < Vectors<T>::lanes; ++i) x[i] = f(x[i]);
    return x;
}
