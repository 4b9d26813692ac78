// Choices of units; included inside the namespace of an instruction set. The same bits as gatewise.scan.noise.

// A hash of two numbers: two rounds of multiplication and xor-shift.
inline std::uint32_t mix(std::uint32_t value, std::uint32_t salt) {
    std::uint32_t h = value + salt * 0x3C6EF372u;
    h = (h ^ (h >> 16)) * 0x21F0AAADu;
    h = (h ^ (h >> 15)) * 0x735A2D97u;
    return h ^ (h >> 15);
}

// 1 for each unit that is chosen, 0 for the others. What is 1 wide has one unit, which fills its block.
template <class T>
inline void choose(const Choice& choice, const Place& place, int rows, int lanes, T* to, std::ptrdiff_t row) {
    std::uint32_t units[block];
    for (int i = 0; i < block; ++i) units[i] = mix(place.unit + (i < lanes ? i : lanes - 1), 1);
    for (int r = 0; r < rows; ++r) {
        const std::uint32_t key = mix(mix(mix(place.sequences[r], place.seed), place.time), choice.state);
        for (int i = 0; i < block; ++i) to[r * row + i] = mix(key ^ units[i], 0) < choice.threshold ? T(1) : T(0);
    }
}
