// gemmlowp: u8 by u8 into s32, offsets of 128 on both sides. It packs at every call and has no way to keep packed weights.
#include "contestant.h"
#include <gemmlowp/public/gemmlowp.h>

std::string version() { return PACKAGE_VERSION; }

struct Gemmlowp : Matrix {
    const int rows, cols;
    int batch = 0;
    std::vector<uint8_t> weights, x;
    std::vector<int32_t> y;

    explicit Gemmlowp(const Weights& w) : rows(w.rows), cols(w.cols), weights(w.values.size()) {
        for (size_t i = 0; i < weights.size(); i++) weights[i] = uint8_t(w.values[i] + 128);
    }

    void input(const std::vector<float>& values, int b) override {
        batch = b;
        x.resize(values.size());
        for (size_t i = 0; i < x.size(); i++) x[i] = uint8_t(int(values[i]) + 128);
        y.assign(size_t(batch) * rows, 0);
    }

    void multiply() override {
        static gemmlowp::GemmContext context;
        context.set_max_num_threads(1);
        using gemmlowp::MapOrder;
        gemmlowp::MatrixMap<const uint8_t, MapOrder::RowMajor> lhs(weights.data(), rows, cols);
        gemmlowp::MatrixMap<const uint8_t, MapOrder::ColMajor> rhs(x.data(), cols, batch);
        gemmlowp::MatrixMap<int32_t, MapOrder::ColMajor> result(y.data(), rows, batch);
        gemmlowp::GemmWithOutputPipeline<uint8_t, int32_t, gemmlowp::L8R8WithLhsNonzeroBitDepthParams>(
            &context, lhs, rhs, &result, -128, -128, std::make_tuple());
    }

    std::vector<float> output() override { return {y.begin(), y.end()}; }
};

std::unique_ptr<Matrix> make(const Weights& weights) { return std::make_unique<Gemmlowp>(weights); }
