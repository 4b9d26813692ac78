// Transcendental functions on vectors; included inside the namespace of an instruction set. The largest error found
// over every 257th of all floats, in units in the last place (ulp), stands beside each (engine/tests/functions.cpp).
// NaN stays NaN: a comparison with NaN is false, so each selection is written so that false keeps the argument.

// e^x = 2^n e^r with n whole and |r| <= log(2) / 2, so that e^x - 1 = (2^n - 1) + 2^n (e^r - 1) loses nothing near 0.
struct Exponential {
    V<float> scale, rest;  // 2^n and e^r - 1
};

// For -87.33 <= x <= 88, where 2^n is a normal number.
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
    return {(V<float>)(((I)shifted << 23) + 0x3f800000), p * r};
}

template <class T>
inline V<T> at_least(V<T> x, T bound) { return x < bound ? all(bound) : x; }
template <class T>
inline V<T> at_most(V<T> x, T bound) { return x > bound ? all(bound) : x; }

// At most 2.96 ulp. Results below 1.0001 times the smallest normal number are 0.
inline V<float> exponential(V<float> x) {
    const V<float> half = at_most(at_least(x, -87.3365f), 89.0f) * 0.5f;  // e^x = (e^(x/2))^2: 2^n stays in range
    const Exponential e = split_exponential(half);
    const V<float> root = e.scale + e.scale * e.rest;
    return x < -87.3365f ? all(0.0f) : root * root;
}
inline V<double> exponential(V<double> x) {
    return each<double>(x, [](double v) { return std::exp(v); });
}

// At most 2.27 ulp; what is below the smallest normal number may be 0 or stay just below it.
inline V<float> sigmoid(V<float> x) {
    const Exponential e = split_exponential(at_least(at_most(-x, 88.0f), -87.3f));
    return 1.0f / (1.0f + (e.scale + e.scale * e.rest));
}
inline V<double> sigmoid(V<double> x) { return 1.0 / (1.0 + exponential(-x)); }

// (e^2x - 1) / (e^2x + 1); at most 3.01 ulp.
inline V<float> hyperbolic_tangent(V<float> x) {
    const Exponential e = split_exponential(at_least(at_most(x + x, 40.0f), -40.0f));
    const V<float> less_one = (e.scale - 1.0f) + e.scale * e.rest;
    return less_one / (less_one + 2.0f);
}
inline V<double> hyperbolic_tangent(V<double> x) {
    return each<double>(x, [](double v) { return std::tanh(v); });
}

template <class T>
inline V<T> square_root(V<T> x) {
    return each<T>(x, [](T v) { return std::sqrt(v); });
}
