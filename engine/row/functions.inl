// Transcendental functions on vectors; included inside the namespace of an instruction set. The largest error found
// over every 257th of all floats, in units in the last place (ulp), stands beside each (engine/tests/functions.cpp).
// NaN stays NaN: a comparison with NaN is false, so each selection is written so that false keeps the argument.

// e^x = 2^n e^r with n whole and |r| <= log(2) / 2, so that e^x - 1 = (2^n - 1) + 2^n (e^r - 1) loses nothing near 0.
struct Exponential {
    Vectors<float>::I n;
    V<float> rest;  // e^r - 1
};

inline Exponential split_exponential(V<float> x) {
    using I = Vectors<float>::I;
    const V<float> shifted = x * 1.44269504f + 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number
    const V<float> n = shifted - 12582912.0f;
    V<float> r = x - n * 0.693359375f;  // log 2 in two parts, the first of which has few digits
    r = r + n * 2.12194440e-4f;
    V<float> p = r * 1.98412698e-4f + 1.38888889e-3f;  // (e^r - 1) / r: Taylor
    p = p * r + 8.33333333e-3f;
    p = p * r + 4.16666667e-2f;
    p = p * r + 1.66666667e-1f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    return {(I)shifted - 0x4b400000, p * r};
}

// 2^n for -126 <= n <= 127.
inline V<float> power_of_two(Vectors<float>::I n) { return (V<float>)((n + 127) << 23); }

template <class T>
inline V<T> at_least(V<T> x, T bound) { return x < bound ? all(bound) : x; }
template <class T>
inline V<T> at_most(V<T> x, T bound) { return x > bound ? all(bound) : x; }

// At most 1.13 ulp. What is below the smallest normal number is 0.
inline V<float> exponential(V<float> x) {
    const Exponential e = split_exponential(at_most(at_least(x, -87.34f), 89.0f));
    const Vectors<float>::I half = e.n >> 1;  // twice: 2^128 is no float, though e^x may be one
    return (e.rest + 1.0f) * power_of_two(half) * power_of_two(e.n - half);
}
inline V<double> exponential(V<double> x) {
    return each<double>(x, [](double v) { return std::exp(v); });
}

// At most 2.27 ulp; what is below the smallest normal number may be 0 or stay just below it.
inline V<float> sigmoid(V<float> x) {
    const Exponential e = split_exponential(at_least(at_most(-x, 88.0f), -87.3f));
    const V<float> scale = power_of_two(e.n);
    return 1.0f / (1.0f + (scale + scale * e.rest));
}
inline V<double> sigmoid(V<double> x) { return 1.0 / (1.0 + exponential(-x)); }

// With p = e^2|x| - 1: p / (p + 2), or 1 - 2 / (p + 2) where that loses less; at most 3.21 ulp.
inline V<float> hyperbolic_tangent(V<float> x) {
    using I = Vectors<float>::I;
    const I sign = (I)x & (I{} - 0x7fffffff - 1);
    const V<float> size = (V<float>)((I)x ^ sign);
    const Exponential e = split_exponential(at_most(size + size, 40.0f));
    const V<float> scale = power_of_two(e.n);
    const V<float> p = (scale - 1.0f) + scale * e.rest;
    const V<float> part = (size > 0.55f ? all(2.0f) : p) / (p + 2.0f);
    return (V<float>)((I)(size > 0.55f ? 1.0f - part : part) | sign);
}
inline V<double> hyperbolic_tangent(V<double> x) {
    return each<double>(x, [](double v) { return std::tanh(v); });
}

template <class T>
inline V<T> square_root(V<T> x) {
    return each<T>(x, [](T v) { return std::sqrt(v); });
}
