// Transcendental functions on vectors; included inside the namespace of an instruction set. The largest error found
// over all floats of the range, in units in the last place, stands beside each (tests/engine/test_functions.py).
// NaN stays NaN: a comparison with NaN is false, so each selection is written so that false keeps the argument.

// e^x: x = n log 2 + r with |r| <= log(2) / 2, a Taylor polynomial for e^r, and 2^n in two factors, since n may be 128.
// Results below the smallest normal number are 0.
inline V<float> exponential(V<float> x) {
    using I = Vectors<float>::I;
    V<float> bounded = x < -87.3365f ? all(-87.3365f) : x;
    bounded = bounded > 88.8f ? all(88.8f) : bounded;
    V<float> n = (bounded * 1.44269504f + 12582912.0f) - 12582912.0f;  // 1.5 * 2^23: adding it rounds
    V<float> r = bounded - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    V<float> p = r * 1.98412698e-4f + 1.38888889e-3f;
    p = p * r + 8.33333333e-3f;
    p = p * r + 4.16666667e-2f;
    p = p * r + 1.66666667e-1f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    I whole = __builtin_convertvector(n, I);
    I half = whole >> 1;
    V<float> first = (V<float>)((half + 127) << 23), second = (V<float>)((whole - half + 127) << 23);
    V<float> result = p * first * second;
    return x < -87.3365f ? all(0.0f) : result;
}
inline V<double> exponential(V<double> x) {
    return each<double>(x, [](double v) { return std::exp(v); });
}

template <class T>
inline V<T> sigmoid(V<T> x) { return T(1) / (T(1) + exponential(-x)); }

// tanh x: near 0 a polynomial in x^2 (least squares at Chebyshev points), else 1 - 2 / (e^2|x| + 1) with the sign of x.
inline V<float> hyperbolic_tangent(V<float> x) {
    using I = Vectors<float>::I;
    V<float> size = (V<float>)((I)x & 0x7fffffff);
    V<float> s = x * x;
    V<float> p = s * -6.00180061e-3f + 2.09314241e-2f;
    p = p * s - 5.38370165e-2f;
    p = p * s + 1.33326790e-1f;
    p = p * s - 3.33333281e-1f;
    V<float> near = x + x * s * p;
    V<float> far = 1.0f - 2.0f / (exponential(size + size) + 1.0f);
    far = (V<float>)((I)far | ((I)x & (I{} - 0x7fffffff - 1)));
    return size < 0.625f ? near : far;
}
inline V<double> hyperbolic_tangent(V<double> x) {
    return each<double>(x, [](double v) { return std::tanh(v); });
}

template <class T>
inline V<T> square_root(V<T> x) {
    return each<T>(x, [](T v) { return std::sqrt(v); });
}
