/* Transcribes raw PCM (signed 16 bit, native byte order, mono) from stdin: transcribe MODEL RATE [NAME=VALUE]... */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stonechat.h"

/* Ends the program where a call failed. */
static void check(int32_t status, const char *what) {
    if (status != STONECHAT_OK) {
        fprintf(stderr, "%s: %s: %s\n", what, stonechat_error_name(status), stonechat_last_error());
        exit(1);
    }
}

/* Prints keywords and utterances that have ended. */
static void tell(StonechatStream *stream) {
    const char *json;
    for (;;) {
        check(stonechat_stream_next(stream, &json), "next");
        if (json == NULL) {
            return;
        }
        puts(json);
    }
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "transcribe MODEL RATE [NAME=VALUE]... < PCM\n");
        return 2;
    }
    StonechatModel *model;
    StonechatOptions *options;
    StonechatRecognizer *recognizer;
    StonechatStream *stream;
    check(stonechat_model_load(argv[1], &model), argv[1]);
    check(stonechat_options_new(&options), "options");
    for (int i = 3; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (value == NULL) {
            fprintf(stderr, "%s: write NAME=VALUE\n", argv[i]);
            return 2;
        }
        *value = 0;
        check(stonechat_options_set(options, argv[i], value + 1), argv[i]);
    }
    check(stonechat_recognizer_new(model, options, &recognizer), "recognizer");
    check(stonechat_stream_new(recognizer, (uint32_t)atoi(argv[2]), &stream), "stream");
    stonechat_model_free(model);
    stonechat_options_free(options);
    stonechat_recognizer_free(recognizer);

    int16_t samples[1600];
    size_t count;
    while ((count = fread(samples, sizeof samples[0], 1600, stdin)) > 0) {
        check(stonechat_stream_push_i16(stream, samples, count), "push");
        tell(stream);
    }
    const char *text;
    check(stonechat_stream_finish(stream, NULL), "finish");
    check(stonechat_stream_text(stream, &text), "text");
    puts(text);

    const StonechatWord *words;
    check(stonechat_stream_words(stream, &words, &count), "words");
    for (size_t i = 0; i < count; i++) {
        fprintf(stderr, "%6.2f %6.2f %5.2f %s\n", words[i].start, words[i].end, (double)words[i].conf, words[i].word);
    }
    tell(stream);
    stonechat_stream_free(stream);
    return 0;
}
