/* Makes and frees handles over and over, and fails where memory grows: soak MODEL CYCLES. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "stonechat.h"

/* Resident memory in pages (Linux). */
static long resident(void) {
    long size = 0;
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file != NULL) {
        if (fscanf(file, "%ld %ld", &size, &pages) != 2) {
            pages = 0;
        }
        fclose(file);
    }
    return pages;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        printf("soak MODEL CYCLES\n");
        return 2;
    }
    const long cycles = atol(argv[2]);
    const int16_t samples[320] = {0};
    const char *text;
    StonechatModel *model;
    StonechatRecognizer *recognizer;
    if (stonechat_model_load(argv[1], &model) != STONECHAT_OK
        || stonechat_recognizer_new(model, NULL, &recognizer) != STONECHAT_OK) {
        printf("%s\n", stonechat_last_error());
        return 1;
    }
    long before = 0;
    for (long i = 0; i < cycles; i++) {
        StonechatOptions *options;
        StonechatStream *stream;
        StonechatModel *none;
        int32_t status = stonechat_options_new(&options);
        status |= stonechat_options_set(options, "hotword", "little station:6");
        status |= stonechat_stream_new(recognizer, i % 2 == 0 ? 0 : 8000, &stream);
        status |= stonechat_stream_push_i16(stream, samples, 320);
        status |= stonechat_stream_partial(stream, &text, NULL);
        if (i % 64 == 0) {
            status |= stonechat_stream_finish(stream, &text);
        }
        if (status != STONECHAT_OK || stonechat_model_load("", &none) == STONECHAT_OK) {
            printf("cycle %ld: %s\n", i, stonechat_last_error());
            return 1;
        }
        stonechat_stream_free(stream);
        stonechat_options_free(options);
        if (i == cycles / 10) {
            before = resident();
        }
    }
    const long grown = resident() - before;
    printf("%ld cycles, %ld pages more than after a tenth of them\n", cycles, grown);
    stonechat_recognizer_free(recognizer);
    stonechat_model_free(model);
    return grown > 256;
}
