// Transcribes raw PCM (floats, mono) from stdin in C++: transcribe MODEL RATE. Handles free themselves.

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "stonechat.h"

namespace {

void check(int32_t status) {
    if (status != STONECHAT_OK) {
        throw std::runtime_error(std::string(stonechat_error_name(status)) + ": " + stonechat_last_error());
    }
}

struct Free {
    void operator()(StonechatModel *model) const { stonechat_model_free(model); }
    void operator()(StonechatRecognizer *recognizer) const { stonechat_recognizer_free(recognizer); }
    void operator()(StonechatStream *stream) const { stonechat_stream_free(stream); }
};

template <class T>
using Handle = std::unique_ptr<T, Free>;

std::string transcribe(const char *path, uint32_t rate_hz) {
    StonechatModel *model;
    check(stonechat_model_load(path, &model));
    Handle<StonechatModel> owned_model(model);
    StonechatRecognizer *recognizer;
    check(stonechat_recognizer_new(model, nullptr, &recognizer));
    Handle<StonechatRecognizer> owned_recognizer(recognizer);
    StonechatStream *stream;
    check(stonechat_stream_new(recognizer, rate_hz, &stream));
    Handle<StonechatStream> owned_stream(stream);
    std::vector<float> samples(1600);
    for (;;) {
        const size_t count = std::fread(samples.data(), sizeof(float), samples.size(), stdin);
        if (count == 0) {
            break;
        }
        check(stonechat_stream_push_f32(stream, samples.data(), count));
    }
    check(stonechat_stream_finish(stream, nullptr));
    const char *text;
    check(stonechat_stream_text(stream, &text));
    return text;
}

}  // namespace

int main(int argc, char **argv) {
    if (argc != 3) {
        std::fprintf(stderr, "transcribe MODEL RATE < PCM\n");
        return 2;
    }
    try {
        std::puts(transcribe(argv[1], static_cast<uint32_t>(std::atoi(argv[2]))).c_str());
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s: %s\n", argv[1], error.what());
        return 1;
    }
    return 0;
}
