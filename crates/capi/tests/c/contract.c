/* Every function with what it must refuse, and with what it takes: contract MODEL RATE_HZ DAMAGED < PCM
 * (signed 16 bit, mono). Run by tools/test_c_library.sh as it is, under valgrind, and with AddressSanitizer. */

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stonechat.h"

static int failed = 0;

static void is(int line, int32_t status, int32_t expected) {
    if (status != expected) {
        printf("line %d: %s instead of %s (%s)\n", line, stonechat_error_name(status), stonechat_error_name(expected), stonechat_last_error());
        failed = 1;
    }
}

static void holds(int line, int condition, const char *what) {
    if (!condition) {
        printf("line %d: not so: %s\n", line, what);
        failed = 1;
    }
}

#define IS(call, expected) is(__LINE__, (call), (expected))
#define HOLDS(condition) holds(__LINE__, (condition), #condition)

static unsigned char *read_all(FILE *file, size_t *size) {
    size_t room = 1 << 16;
    unsigned char *bytes = malloc(room);
    *size = 0;
    for (;;) {
        const size_t got = fread(bytes + *size, 1, room - *size, file);
        if (got == 0) {
            return bytes;
        }
        *size += got;
        if (*size == room) {
            room *= 2;
            bytes = realloc(bytes, room);
        }
    }
}

static void statuses(void) {
    const char *names[] = {"STONECHAT_OK", "STONECHAT_NULL", "STONECHAT_UTF8", "STONECHAT_OPTION", "STONECHAT_FILE",
        "STONECHAT_PACKAGE", "STONECHAT_LANGUAGE_MODEL", "STONECHAT_RATE", "STONECHAT_PHRASE", "STONECHAT_FINISHED",
        "STONECHAT_NO_RESULT", "STONECHAT_BUSY", "STONECHAT_PANIC"};
    for (int i = 0; i < (int)(sizeof names / sizeof names[0]); i++) {
        HOLDS(strcmp(stonechat_error_name(i), names[i]) == 0);
    }
    HOLDS(strcmp(stonechat_error_name(-1), "unknown") == 0);
    HOLDS(strcmp(stonechat_error_name(13), "unknown") == 0);
    HOLDS(strlen(stonechat_version()) >= 5);
    HOLDS(strcmp(stonechat_last_error(), "") == 0);
}

static void nulls(void) {
    const char *text;
    size_t count;
    const StonechatWord *words;
    StonechatModel *model;
    IS(stonechat_model_load(NULL, &model), STONECHAT_NULL);
    HOLDS(strstr(stonechat_last_error(), "path") != NULL);
    IS(stonechat_model_load("x", NULL), STONECHAT_NULL);
    IS(stonechat_model_from_bytes(NULL, 1, &model), STONECHAT_NULL);
    IS(stonechat_model_from_bytes(NULL, 0, &model), STONECHAT_PACKAGE);
    IS(stonechat_model_from_bytes((const uint8_t *)"x", 1, NULL), STONECHAT_NULL);
    HOLDS(stonechat_model_sample_rate(NULL) == 0);
    stonechat_model_free(NULL);
    IS(stonechat_options_new(NULL), STONECHAT_NULL);
    IS(stonechat_options_set(NULL, "beam", "1"), STONECHAT_NULL);
    IS(stonechat_options_set_bytes(NULL, "lm", NULL, 0), STONECHAT_NULL);
    stonechat_options_free(NULL);
    StonechatRecognizer *recognizer;
    IS(stonechat_recognizer_new(NULL, NULL, &recognizer), STONECHAT_NULL);
    stonechat_recognizer_free(NULL);
    StonechatStream *stream;
    IS(stonechat_stream_new(NULL, 0, &stream), STONECHAT_NULL);
    IS(stonechat_stream_push_f32(NULL, NULL, 0), STONECHAT_NULL);
    IS(stonechat_stream_push_i16(NULL, NULL, 0), STONECHAT_NULL);
    IS(stonechat_stream_partial(NULL, &text, &count), STONECHAT_NULL);
    IS(stonechat_stream_next(NULL, &text), STONECHAT_NULL);
    IS(stonechat_stream_finish(NULL, &text), STONECHAT_NULL);
    IS(stonechat_stream_text(NULL, &text), STONECHAT_NULL);
    IS(stonechat_stream_words(NULL, &words, &count), STONECHAT_NULL);
    IS(stonechat_stream_reset(NULL), STONECHAT_NULL);
    IS(stonechat_stream_set_hotwords(NULL, NULL, NULL, 0), STONECHAT_NULL);
    stonechat_stream_free(NULL);
}

static void options(void) {
    StonechatOptions *options;
    IS(stonechat_options_new(&options), STONECHAT_OK);
    IS(stonechat_options_set(options, "beam", "32"), STONECHAT_OK);
    IS(stonechat_options_set(options, "min_confidence", "0.5"), STONECHAT_OK);
    IS(stonechat_options_set(options, "beam", "0"), STONECHAT_OPTION);
    HOLDS(strstr(stonechat_last_error(), "1 to 65536") != NULL);
    IS(stonechat_options_set(options, "no-such", "0"), STONECHAT_OPTION);
    IS(stonechat_options_set(options, NULL, "0"), STONECHAT_NULL);
    IS(stonechat_options_set(options, "beam", NULL), STONECHAT_NULL);
    IS(stonechat_options_set(options, "hotword", "caf\xe9"), STONECHAT_UTF8);
    IS(stonechat_options_set_bytes(options, "beam", (const uint8_t *)"x", 1), STONECHAT_OPTION);
    IS(stonechat_options_set_bytes(options, "lm", (const uint8_t *)"x", 1), STONECHAT_LANGUAGE_MODEL);
    IS(stonechat_options_set_bytes(options, "lm", NULL, 7), STONECHAT_NULL);
    stonechat_options_free(options);
}

struct work {
    StonechatStream *stream;
    const int16_t *samples;
    size_t count;
    int busy;
};

/* Calls until it has met the other thread, or has done enough. */
static void *push(void *argument) {
    struct work *work = argument;
    for (int i = 0; i < 200; i++) {
        const int32_t status = stonechat_stream_push_i16(work->stream, work->samples, work->count);
        if (status == STONECHAT_BUSY) {
            work->busy++;
        } else if (status != STONECHAT_OK) {
            work->busy = -1000000;
        }
    }
    return NULL;
}

static void threads(const StonechatRecognizer *recognizer, const int16_t *samples, size_t count) {
    StonechatStream *stream;
    IS(stonechat_stream_new(recognizer, 0, &stream), STONECHAT_OK);
    const size_t piece = count < 1600 ? count : 1600;
    struct work works[2] = {{stream, samples, piece, 0}, {stream, samples, piece, 0}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        HOLDS(pthread_create(&threads[i], NULL, push, &works[i]) == 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        HOLDS(works[i].busy >= 0);
    }
    /* One at a time it goes on. */
    IS(stonechat_stream_push_i16(stream, samples, piece), STONECHAT_OK);
    IS(stonechat_stream_finish(stream, NULL), STONECHAT_OK);
    stonechat_stream_free(stream);
}

static void streams(const char *path, const int16_t *samples, size_t count, uint32_t rate_hz) {
    const char *text;
    const char *json;
    const StonechatWord *words;
    size_t stable;
    size_t number;
    StonechatModel *model;
    StonechatOptions *options;
    StonechatRecognizer *recognizer;
    StonechatStream *stream;
    IS(stonechat_model_load("no/such/file", &model), STONECHAT_FILE);
    IS(stonechat_model_load(path, &model), STONECHAT_OK);
    if (failed) {
        return;
    }
    HOLDS(stonechat_model_sample_rate(model) == 16000);
    IS(stonechat_recognizer_new(model, NULL, NULL), STONECHAT_NULL);
    IS(stonechat_options_new(&options), STONECHAT_OK);
    IS(stonechat_options_set(options, "garbage", "1"), STONECHAT_OK);
    IS(stonechat_recognizer_new(model, options, &recognizer), STONECHAT_OPTION);
    stonechat_options_free(options);
    IS(stonechat_options_new(&options), STONECHAT_OK);
    IS(stonechat_options_set(options, "keyword", "light"), STONECHAT_OK);
    IS(stonechat_options_set(options, "beam", "16"), STONECHAT_OK);
    IS(stonechat_recognizer_new(model, options, &recognizer), STONECHAT_OK);
    /* What is made of a thing outlives it. */
    stonechat_options_free(options);
    stonechat_model_free(model);
    IS(stonechat_stream_new(recognizer, 1, &stream), STONECHAT_RATE);
    IS(stonechat_stream_new(recognizer, 0, NULL), STONECHAT_NULL);
    threads(recognizer, samples, count);
    IS(stonechat_stream_new(recognizer, rate_hz, &stream), STONECHAT_OK);
    stonechat_recognizer_free(recognizer);

    IS(stonechat_stream_text(stream, &text), STONECHAT_NO_RESULT);
    IS(stonechat_stream_words(stream, &words, &number), STONECHAT_NO_RESULT);
    IS(stonechat_stream_push_i16(stream, NULL, 4), STONECHAT_NULL);
    IS(stonechat_stream_push_i16(stream, NULL, 0), STONECHAT_OK);
    IS(stonechat_stream_partial(stream, NULL, &stable), STONECHAT_NULL);
    IS(stonechat_stream_next(stream, NULL), STONECHAT_NULL);

    IS(stonechat_stream_push_i16(stream, samples, count), STONECHAT_OK);
    IS(stonechat_stream_partial(stream, &text, &stable), STONECHAT_OK);
    HOLDS(strlen(text) > 0 && stable <= strlen(text));
    IS(stonechat_stream_partial(stream, &text, NULL), STONECHAT_OK);
    IS(stonechat_stream_finish(stream, &json), STONECHAT_OK);
    HOLDS(strstr(json, "\"text\"") != NULL);
    char *first = strdup(json);
    IS(stonechat_stream_finish(stream, &json), STONECHAT_FINISHED);
    IS(stonechat_stream_push_i16(stream, samples, count), STONECHAT_FINISHED);
    IS(stonechat_stream_next(stream, &json), STONECHAT_OK);
    HOLDS(json != NULL && strstr(json, "\"keyword\"") != NULL && strstr(json, "light") != NULL);
    while (json != NULL) {
        IS(stonechat_stream_next(stream, &json), STONECHAT_OK);
    }
    IS(stonechat_stream_text(stream, NULL), STONECHAT_NULL);
    IS(stonechat_stream_text(stream, &text), STONECHAT_OK);
    char *said = strdup(text);
    printf("%s\n", said);
    IS(stonechat_stream_words(stream, NULL, &number), STONECHAT_NULL);
    IS(stonechat_stream_words(stream, &words, NULL), STONECHAT_NULL);
    IS(stonechat_stream_words(stream, &words, &number), STONECHAT_OK);
    const char *rest = said;
    for (size_t i = 0; i < number; i++) {
        rest = strstr(rest, words[i].word);
        HOLDS(rest != NULL && words[i].start < words[i].end && words[i].conf > 0.0f);
        if (rest == NULL) {
            rest = said;
        }
    }
    HOLDS(number > 0);

    /* After a reset there is no result of before, and all is as new. */
    IS(stonechat_stream_reset(stream), STONECHAT_OK);
    IS(stonechat_stream_text(stream, &text), STONECHAT_NO_RESULT);
    float *floats = malloc(count * sizeof *floats);
    for (size_t i = 0; i < count; i++) {
        floats[i] = (float)samples[i] / 32768.0f;
    }
    for (size_t from = 0; from < count; from += 777) {
        IS(stonechat_stream_push_f32(stream, floats + from, count - from < 777 ? count - from : 777), STONECHAT_OK);
    }
    free(floats);
    IS(stonechat_stream_finish(stream, &json), STONECHAT_OK);
    HOLDS(strcmp(json, first) == 0);

    IS(stonechat_stream_reset(stream), STONECHAT_OK);
    const char *phrases[] = {"little station", "kitchen"};
    const float boosts[] = {5.0f, 3.0f};
    const char *strange[] = {"caf\xc3\xa9"};
    const char *missing[] = {NULL};
    IS(stonechat_stream_set_hotwords(stream, phrases, boosts, 2), STONECHAT_OK);
    IS(stonechat_stream_set_hotwords(stream, phrases, NULL, 2), STONECHAT_OK);
    IS(stonechat_stream_set_hotwords(stream, NULL, NULL, 0), STONECHAT_OK);
    IS(stonechat_stream_set_hotwords(stream, NULL, boosts, 2), STONECHAT_NULL);
    IS(stonechat_stream_set_hotwords(stream, missing, NULL, 1), STONECHAT_NULL);
    IS(stonechat_stream_set_hotwords(stream, strange, NULL, 1), STONECHAT_PHRASE);
    IS(stonechat_stream_push_i16(stream, samples, count), STONECHAT_OK);
    IS(stonechat_stream_finish(stream, NULL), STONECHAT_OK);
    free(first);
    free(said);
    stonechat_stream_free(stream);
}

static void bytes(const char *path, const char *damaged) {
    StonechatModel *model;
    IS(stonechat_model_load(damaged, &model), STONECHAT_PACKAGE);
    HOLDS(strstr(stonechat_last_error(), damaged) != NULL);
    FILE *file = fopen(path, "rb");
    size_t size;
    unsigned char *package = read_all(file, &size);
    fclose(file);
    IS(stonechat_model_from_bytes(package, size - 1, &model), STONECHAT_PACKAGE);
    IS(stonechat_model_from_bytes(package, size, &model), STONECHAT_OK);
    free(package);
    HOLDS(stonechat_model_sample_rate(model) == 16000);
    stonechat_model_free(model);
}

int main(int argc, char **argv) {
    if (argc != 4) {
        printf("contract MODEL RATE_HZ DAMAGED < PCM\n");
        return 2;
    }
    size_t size;
    unsigned char *pcm = read_all(stdin, &size);
    statuses();
    nulls();
    options();
    bytes(argv[1], argv[3]);
    streams(argv[1], (const int16_t *)(const void *)pcm, size / 2, (uint32_t)atoi(argv[2]));
    free(pcm);
    return failed;
}
