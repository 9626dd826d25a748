// The part of a contestant that all C++ peers share: the line protocol of compare.py (described there) and the timing.
#pragma once
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

// A matrix in the form that the library multiplies fastest, packed once.
struct Matrix {
    virtual ~Matrix() = default;
    // Takes `batch x cols` vectors of whole numbers within -127..127; whatever can be done once before many calls is done here.
    virtual void input(const std::vector<float>& x, int batch) = 0;
    // The product alone: this is what is timed.
    virtual void multiply() = 0;
    // What the last product gave, `batch x rows`; corrections that a caller would fold into weights or bias are made here.
    virtual std::vector<float> output() = 0;
};

struct Weights {
    int rows, cols;
    std::vector<int8_t> values; // row-major
    mutable bool fresh;         // no matrix was made of them yet
};

// To be written by each peer.
std::string version();
std::unique_ptr<Matrix> make(const Weights& weights);

template <class T> std::vector<T> read_file(const std::string& path, size_t count) {
    std::vector<T> values(count);
    std::ifstream file(path, std::ios::binary);
    file.read(reinterpret_cast<char*>(values.data()), count * sizeof(T));
    if (!file) {
        std::cerr << path << ": shorter than " << count << " values\n";
        std::exit(1);
    }
    return values;
}

inline double seconds(const std::vector<Matrix*>& matrices, int calls) {
    auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; i++)
        for (Matrix* matrix : matrices) matrix->multiply();
    std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    return taken.count() / (double(calls) * matrices.size());
}

int main() {
    std::cout << "ready " << version() << std::endl;
    Weights weights{};
    std::vector<std::unique_ptr<Matrix>> copies;
    std::vector<Matrix*> all, one;
    std::string line;
    while (std::getline(std::cin, line)) {
        std::istringstream words(line);
        std::string verb, in, out;
        words >> verb;
        if (verb == "load") {
            int count = 0;
            copies.clear(), all.clear(), one.clear();
            words >> weights.rows >> weights.cols >> count >> in;
            weights.values = read_file<int8_t>(in, size_t(weights.rows) * weights.cols);
            weights.fresh = true;
            for (int i = 0; i < count; i++) {
                copies.push_back(make(weights));
                all.push_back(copies.back().get());
            }
            one = {all[0]};
            std::cout << "ok" << std::endl;
        } else if (verb == "input") {
            int batch = 0;
            words >> batch >> in >> out;
            auto x = read_file<float>(in, size_t(batch) * weights.cols);
            for (Matrix* matrix : all) matrix->input(x, batch);
            one[0]->multiply();
            auto y = one[0]->output();
            std::ofstream(out, std::ios::binary).write(reinterpret_cast<char*>(y.data()), y.size() * sizeof(float));
            std::cout << "ok" << std::endl;
        } else if (verb == "hot") {
            double part = 0, best = 1e9;
            words >> part;
            int calls = 1;
            while (seconds(one, calls) * calls < part) calls *= 2;
            for (int i = 0; i < 4; i++) best = std::min(best, seconds(one, calls));
            std::cout << "ok " << best << std::endl;
        } else if (verb == "cold") {
            std::cout << "ok " << seconds(all, 1) << std::endl;
        } else {
            std::cerr << "no verb " << verb << "\n";
            return 1;
        }
    }
}
