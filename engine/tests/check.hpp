// Tests without a library: TEST(name) { ... } registers itself, CHECK says what did not hold and goes on, and
// main runs all tests, or those whose names are given.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

namespace gatewise::tests {

struct Test {
    const char* name;
    void (*body)();
};

inline std::vector<Test>& all_tests() {
    static std::vector<Test> found;
    return found;
}
inline int failures = 0;

struct Registered {
    Registered(const char* name, void (*body)()) { all_tests().push_back({name, body}); }
};

inline void failed(const char* file, int line, const std::string& what) {
    if (++failures <= 20) std::printf("%s:%d: %s\n", file, line, what.c_str());
}

// Whether this throws an E whose message holds a text.
template <class E, class F>
bool refuses(F what, const char* text = "") {
    try {
        what();
    } catch (const E& error) {
        if (std::strstr(error.what(), text)) return true;
        std::printf("it says: %s\n", error.what());
    }
    return false;
}

inline bool chosen(const char* name, int count, char** names) {
    bool found = count < 2;
    for (int i = 1; i < count; ++i) found = found || std::strcmp(names[i], name) == 0;
    return found;
}

inline int run_all(int count, char** names) {
    int run = 0;
    for (const Test& test : all_tests()) {
        if (!chosen(test.name, count, names)) continue;
        const int before = failures;
        test.body();
        std::printf("%s %s\n", failures == before ? "passed" : "FAILED", test.name);
        std::fflush(stdout);
        ++run;
    }
    std::printf("%d tests, %d failures\n", run, failures);
    return failures || !run ? 1 : 0;
}

}  // namespace gatewise::tests

#define TEST(name)                                                        \
    static void name();                                                   \
    static const gatewise::tests::Registered registered_##name(#name, name); \
    static void name()
#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) gatewise::tests::failed(__FILE__, __LINE__, "expected " #condition); \
    } while (false)
// The same, with numbers to look at: CHECK_THAT(a == b, a << " and " << b).
#define CHECK_THAT(condition, shown)                                                                      \
    do {                                                                                                  \
        if (!(condition)) {                                                                               \
            std::ostringstream text;                                                                      \
            text << "expected " #condition ": " << shown;                                                 \
            gatewise::tests::failed(__FILE__, __LINE__, text.str());                                      \
        }                                                                                                 \
    } while (false)
#define MAIN \
    int main(int count, char** names) { return gatewise::tests::run_all(count, names); }
