// XNNPACK: the qs8 fully connected operator, s8 vectors by s8 weights, sums brought back to s8 with one scale for the whole result.
#include "contestant.h"
#include <algorithm>
#include <cmath>
#include <xnnpack.h>

std::string version() { return PACKAGE_VERSION; }

static void must(xnn_status status, const char* what) {
    if (status != xnn_status_success) {
        std::cerr << "XNNPACK: " << what << " gives " << status << "\n";
        std::exit(1);
    }
}

struct Xnnpack : Matrix {
    const Weights& weights;
    int batch = 0;
    float scale = 0;
    bool first;
    xnn_operator_t op = nullptr;
    std::vector<int8_t> x, y;

    explicit Xnnpack(const Weights& w) : weights(w), first(w.fresh) {
        must(xnn_initialize(nullptr), "initialize");
        w.fresh = false;
    }
    ~Xnnpack() override { xnn_delete_operator(op); }

    void input(const std::vector<float>& values, int b) override {
        batch = b;
        const int rows = weights.rows, cols = weights.cols;
        // The scale of a result is part of the operator. It is found once, with the first vectors, and leaves room for larger results.
        static float scale_of_all = 0;
        if (first && !op) {
            float most = 1;
            for (int v = 0; v < batch; v++)
                for (int r = 0; r < rows; r++) {
                    float sum = 0;
                    for (int k = 0; k < cols; k++) sum += weights.values[size_t(r) * cols + k] * values[size_t(v) * cols + k];
                    most = std::max(most, std::fabs(sum));
                }
            scale_of_all = most / 95;
        }
        if (!op) {
            scale = scale_of_all;
            must(xnn_create_fully_connected_nc_qs8(cols, rows, cols, rows, 0, 1, 1, weights.values.data(), nullptr, 0, scale,
                                                   -128, 127, 0, &op),
                 "create");
        }
        // Reading a little past the end is part of XNNPACK's contract.
        x.assign(values.size() + XNN_EXTRA_BYTES, 0);
        std::copy(values.begin(), values.end(), x.begin());
        y.assign(size_t(batch) * rows, 0);
    }

    void multiply() override {
        must(xnn_setup_fully_connected_nc_qs8(op, batch, x.data(), y.data(), nullptr), "setup");
        must(xnn_run_operator(op, nullptr), "run");
    }

    std::vector<float> output() override {
        std::vector<float> out(y.size());
        for (size_t i = 0; i < out.size(); i++) out[i] = y[i] * scale;
        return out;
    }
};

std::unique_ptr<Matrix> make(const Weights& weights) { return std::make_unique<Xnnpack>(weights); }
