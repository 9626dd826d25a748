// oneDNN: u8 vectors (plus 128) by s8 weights into s32, weights in the order that its primitive asks for. Versions 2 and 3.
#include "contestant.h"
#include <oneapi/dnnl/dnnl.hpp>

using dnnl::memory;
using dnnl::inner_product_forward;

std::string version() {
    const dnnl_version_t* v = dnnl_version();
    return std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
}

static dnnl::engine& cpu() {
    static dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    return engine;
}

static dnnl::stream& queue() {
    static dnnl::stream stream(cpu());
    return stream;
}

struct OneDnn : Matrix {
    const int rows, cols;
    int batch = 0;
    memory plain, packed, src, dst;
    std::vector<int32_t> sums;
    dnnl::inner_product_forward product;
    std::unordered_map<int, memory> arguments;

    explicit OneDnn(const Weights& w) : rows(w.rows), cols(w.cols), sums(w.rows) {
        plain = memory({{rows, cols}, memory::data_type::s8, memory::format_tag::ab}, cpu());
        std::copy(w.values.begin(), w.values.end(), static_cast<int8_t*>(plain.get_data_handle()));
        for (int r = 0; r < rows; r++)
            for (int k = 0; k < cols; k++) sums[r] += w.values[size_t(r) * cols + k];
    }

    void input(const std::vector<float>& x, int b) override {
        batch = b;
        memory::desc any({rows, cols}, memory::data_type::s8, memory::format_tag::any);
        memory::desc in({batch, cols}, memory::data_type::u8, memory::format_tag::ab);
        memory::desc out({batch, rows}, memory::data_type::s32, memory::format_tag::ab);
#if DNNL_VERSION_MAJOR >= 3
        inner_product_forward::primitive_desc desc(cpu(), dnnl::prop_kind::forward_inference, in, any, out);
#else
        inner_product_forward::primitive_desc desc({dnnl::prop_kind::forward_inference, in, any, out}, cpu());
#endif
        if (!packed || packed.get_desc() != desc.weights_desc()) {
            packed = memory(desc.weights_desc(), cpu());
            dnnl::reorder(plain, packed).execute(queue(), plain, packed);
        }
        src = memory(in, cpu());
        dst = memory(out, cpu());
        auto* values = static_cast<uint8_t*>(src.get_data_handle());
        for (size_t i = 0; i < x.size(); i++) values[i] = uint8_t(int(x[i]) + 128);
        product = inner_product_forward(desc);
        arguments = {{DNNL_ARG_SRC, src}, {DNNL_ARG_WEIGHTS, packed}, {DNNL_ARG_DST, dst}};
    }

    void multiply() override {
        product.execute(queue(), arguments);
        queue().wait();
    }

    std::vector<float> output() override {
        auto* values = static_cast<int32_t*>(dst.get_data_handle());
        std::vector<float> y(size_t(batch) * rows);
        for (size_t i = 0; i < y.size(); i++) y[i] = float(values[i] - 128 * sums[i % rows]);
        return y;
    }
};

std::unique_ptr<Matrix> make(const Weights& weights) { return std::make_unique<OneDnn>(weights); }
