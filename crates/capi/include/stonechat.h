// Streaming speech recognition. Made from crates/capi/src by tools/c_header.
//
// Functions that return int32_t return STONECHAT_OK or the problem: stonechat_error_name gives its name, stonechat_last_error the message.
// Results go out through the last pointers, which are written only on success. Handles may move to other threads; several threads may use
// models and recognizers at a time, options and streams serve one call at a time. Texts that a stream returns are valid until the next call
// with that stream. Every option is in docs/settings.md.

#ifndef STONECHAT_H
#define STONECHAT_H

#include <stddef.h>
#include <stdint.h>

// Success.
#define STONECHAT_OK 0

// A pointer is NULL but must not be.
#define STONECHAT_NULL 1

// A text is not UTF-8.
#define STONECHAT_UTF8 2

// An unknown option, a wrong value, or an option that conflicts with another.
#define STONECHAT_OPTION 3

// A file cannot be read.
#define STONECHAT_FILE 4

// A package is damaged, is not a package, or has a network that cannot run.
#define STONECHAT_PACKAGE 5

// A language model is damaged, or is not one.
#define STONECHAT_LANGUAGE_MODEL 6

// A sampling rate that cannot be converted.
#define STONECHAT_RATE 7

// A grammar, hotword or keyword that the model cannot recognise.
#define STONECHAT_PHRASE 8

// The stream is finished: reset it first.
#define STONECHAT_FINISHED 9

// There is no result: no utterance has ended since the stream began.
#define STONECHAT_NO_RESULT 10

// Another thread is using the handle.
#define STONECHAT_BUSY 11

// A bug in the library. A stream that met one can only be reset or freed.
#define STONECHAT_PANIC 12

// A loaded model, with its language model if the package has one.
typedef struct StonechatModel StonechatModel;

// The user's settings, by the names of the command's options (docs/settings.md).
typedef struct StonechatOptions StonechatOptions;

// A model with options, from which any number of streams can be made.
typedef struct StonechatRecognizer StonechatRecognizer;

// One utterance, or an endless microphone.
typedef struct StonechatStream StonechatStream;

// A word of a result.
typedef struct {
  // The word, until the next call with the stream.
  const char *word;
  // Its beginning, in seconds from the start of the stream.
  double start;
  // Its end.
  double end;
  // How sure it is, 0 to 1.
  float conf;
} StonechatWord;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The version of the library, such as "0.1.0".
const char *stonechat_version(void);

// The message of the last function that failed in this thread, at most 511 bytes; empty before the
// first failure. The next failure in this thread overwrites it; it is never freed while the thread
// lives.
const char *stonechat_last_error(void);

// The name of a status, such as "STONECHAT_PACKAGE"; "unknown" for any other number.
const char *stonechat_error_name(int32_t status);

// Loads a package file, `NAME.stonechat`.
//
// # Safety
// `path` ends with a zero byte, `model` may be written to.
int32_t stonechat_model_load(const char *path, StonechatModel **model);

// Reads a package from memory. The bytes may be freed afterwards.
//
// # Safety
// There are `len` bytes at `bytes`, `model` may be written to.
int32_t stonechat_model_from_bytes(const uint8_t *bytes, size_t len, StonechatModel **model);

// The sampling rate of the model in Hz; 0 for NULL. Streams take any rate.
//
// # Safety
// `model` is NULL or a model.
uint32_t stonechat_model_sample_rate(const StonechatModel *model);

// Frees a model; recognizers made from it stay valid. NULL is allowed.
//
// # Safety
// `model` is NULL, or a model that is no longer in use.
void stonechat_model_free(StonechatModel *model);

// Makes options with default values.
//
// # Safety
// `options` may be written to.
int32_t stonechat_options_new(StonechatOptions **options);

// Sets an option: a name and a value of docs/settings.md, such as "beam" and "64". "hotword" and
// "keyword" add one.
//
// # Safety
// `options` is a handle, `name` and `value` end with a zero byte.
int32_t stonechat_options_set(StonechatOptions *options, const char *name, const char *value);

// Sets an option that names a file to the file's content; only "lm" is one. The bytes may be freed
// afterwards.
//
// # Safety
// `options` is a handle, `name` ends with a zero byte, there are `len` bytes at `bytes`.
int32_t stonechat_options_set_bytes(StonechatOptions *options,
                                    const char *name,
                                    const uint8_t *bytes,
                                    size_t len);

// Frees options; recognizers made with them stay valid. NULL is allowed.
//
// # Safety
// `options` is NULL, or options that are no longer in use.
void stonechat_options_free(StonechatOptions *options);

// Makes a recognizer. `options` may be NULL for the defaults. Both may be freed afterwards.
//
// # Safety
// `model` and `options` are handles, `recognizer` may be written to.
int32_t stonechat_recognizer_new(const StonechatModel *model,
                                 const StonechatOptions *options,
                                 StonechatRecognizer **recognizer);

// Frees a recognizer; streams made from it stay valid. NULL is allowed.
//
// # Safety
// `recognizer` is NULL, or a recognizer that is no longer in use.
void stonechat_recognizer_free(StonechatRecognizer *recognizer);

// Makes a stream that takes mono samples at `rate_hz`, 1000 to 768000; 0 means the model's own
// rate.
//
// # Safety
// `recognizer` is a handle, `stream` may be written to.
int32_t stonechat_stream_new(const StonechatRecognizer *recognizer,
                             uint32_t rate_hz,
                             StonechatStream **stream);

// Takes any number of samples in -1..1. A sample that is not finite counts as 0.
//
// # Safety
// `stream` is a handle, there are `count` samples.
int32_t stonechat_stream_push_f32(StonechatStream *stream, const float *samples, size_t count);

// Takes any number of 16-bit samples.
//
// # Safety
// `stream` is a handle, there are `count` samples.
int32_t stonechat_stream_push_i16(StonechatStream *stream, const int16_t *samples, size_t count);

// The text of the unfinished utterance, and how many of its bytes can no longer change.
//
// # Safety
// `stream` is a handle, `text` and `stable` may be written to; `stable` may be NULL.
int32_t stonechat_stream_partial(StonechatStream *stream, const char **text, size_t *stable);

// The next event, as JSON: {"keyword": {"phrase", "index", "start", "end", "score"}} for a
// keyword, {"text", "result"} for an utterance that has ended automatically (option "endpoint");
// NULL if there are no more.
//
// # Safety
// `stream` is a handle, `json` may be written to.
int32_t stonechat_stream_next(StonechatStream *stream, const char **json);

// Ends the audio and returns the last utterance as JSON: {"text": ..., "result": [{"word",
// "start", "end", "conf"}]}, with "rejected" and "alternatives" if the options ask for them.
// `json` may be NULL. Earlier events can still be fetched with `stonechat_stream_next`. Until the
// stream is reset it takes no more samples, and cannot be finished again.
//
// # Safety
// `stream` is a handle, `json` is NULL or may be written to.
int32_t stonechat_stream_finish(StonechatStream *stream, const char **json);

// The text of the last result from `stonechat_stream_next` or `stonechat_stream_finish`.
//
// # Safety
// `stream` is a handle, `text` may be written to.
int32_t stonechat_stream_text(StonechatStream *stream, const char **text);

// The words of the last result with times and confidences, valid until the next call with the
// stream.
//
// # Safety
// `stream` is a handle, `words` and `count` may be written to.
int32_t stonechat_stream_words(StonechatStream *stream, const StonechatWord **words, size_t *count);

// Resets the stream for another utterance, even after STONECHAT_PANIC. It keeps its hotwords.
//
// # Safety
// `stream` is a handle.
int32_t stonechat_stream_reset(StonechatStream *stream);

// Replaces the hotwords, at any time; this affects words that begin later. Boosts are in nats; if
// `boosts` is NULL each has the default, 1 per letter and at most 9. The recognizer must use a
// search: its options need a language model, hotwords or "beam".
//
// # Safety
// `stream` is a handle, there are `count` texts at `phrases` and as many boosts, or NULL.
int32_t stonechat_stream_set_hotwords(StonechatStream *stream,
                                      const char *const *phrases,
                                      const float *boosts,
                                      size_t count);

// Frees a stream and the texts that it returned. NULL is allowed.
//
// # Safety
// `stream` is NULL, or a stream that is no longer in use.
void stonechat_stream_free(StonechatStream *stream);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* STONECHAT_H */
