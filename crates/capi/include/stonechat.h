// Streaming speech recognition. Made from crates/capi/src by tools/c_header.
//
// Functions that return int32_t return STONECHAT_OK or what was wrong: stonechat_error_name is its name, stonechat_last_error the message.
// What they make goes out through their last pointers, which are written only where all is well. Handles may go to other threads; models
// and recognizers may be used by several at a time, options and streams serve one call at a time. Texts that a stream gives out live until
// the next call with that stream. Every option is in docs/settings.md.

#ifndef STONECHAT_H
#define STONECHAT_H

#include <stddef.h>
#include <stdint.h>

// All is well.
#define STONECHAT_OK 0

// A pointer is NULL that must not be.
#define STONECHAT_NULL 1

// A text is not UTF-8.
#define STONECHAT_UTF8 2

// An option that there is not, that does not take the value, or that does not go with another.
#define STONECHAT_OPTION 3

// A file cannot be read.
#define STONECHAT_FILE 4

// A package is damaged, or none, or of a network that cannot run.
#define STONECHAT_PACKAGE 5

// A language model is damaged, or none.
#define STONECHAT_LANGUAGE_MODEL 6

// A sampling rate that cannot be converted.
#define STONECHAT_RATE 7

// A grammar, hotword or keyword that the model cannot hear.
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

// What a user may choose, by the names of the command's options (docs/settings.md).
typedef struct StonechatOptions StonechatOptions;

// A model with options, from which any number of streams are made.
typedef struct StonechatRecognizer StonechatRecognizer;

// One utterance, or one endless microphone.
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

// The version of the library, as "0.1.0".
const char *stonechat_version(void);

// What was wrong the last time that a function failed in this thread, at most 511 bytes; empty before. It is overwritten by the next
// failure in this thread, and never freed while the thread lives.
const char *stonechat_last_error(void);

// The name of a status, as "STONECHAT_PACKAGE"; "unknown" for any other number.
const char *stonechat_error_name(int32_t status);

// Loads a package file, `NAME.stonechat`.
//
// # Safety
// `path` ends with a zero byte, `model` may be written to.
int32_t stonechat_model_load(const char *path, StonechatModel **model);

// Reads a package from memory. The bytes may go afterwards.
//
// # Safety
// There are `len` bytes at `bytes`, `model` may be written to.
int32_t stonechat_model_from_bytes(const uint8_t *bytes, size_t len, StonechatModel **model);

// The sampling rate of the model in Hz; 0 for NULL. Streams take any rate.
//
// # Safety
// `model` is NULL or a model.
uint32_t stonechat_model_sample_rate(const StonechatModel *model);

// Frees a model; recognizers made of it go on. NULL is fine.
//
// # Safety
// `model` is NULL, or a model that nobody uses any more.
void stonechat_model_free(StonechatModel *model);

// Makes options, all as by default.
//
// # Safety
// `options` may be written to.
int32_t stonechat_options_new(StonechatOptions **options);

// Sets an option: a name and a value of docs/settings.md, as "beam" and "64". "hotword" and "keyword" add one.
//
// # Safety
// `options` is a handle, `name` and `value` end with a zero byte.
int32_t stonechat_options_set(StonechatOptions *options,
                              const char *name,
                              const char *value);

// Gives an option that names a file the file's content: "lm" is the only one. The bytes may go afterwards.
//
// # Safety
// `options` is a handle, `name` ends with a zero byte, there are `len` bytes at `bytes`.
int32_t stonechat_options_set_bytes(StonechatOptions *options,
                                    const char *name,
                                    const uint8_t *bytes,
                                    size_t len);

// Frees options; recognizers made with them go on. NULL is fine.
//
// # Safety
// `options` is NULL, or options that nobody uses any more.
void stonechat_options_free(StonechatOptions *options);

// Makes a recognizer. `options` may be NULL: everything is then as by default. Both may be freed afterwards.
//
// # Safety
// `model` and `options` are handles, `recognizer` may be written to.
int32_t stonechat_recognizer_new(const StonechatModel *model,
                                 const StonechatOptions *options,
                                 StonechatRecognizer **recognizer);

// Frees a recognizer; streams made of it go on. NULL is fine.
//
// # Safety
// `recognizer` is NULL, or a recognizer that nobody uses any more.
void stonechat_recognizer_free(StonechatRecognizer *recognizer);

// Makes a stream that takes mono samples at `rate_hz`, 1000 to 768000; 0 stands for the model's own rate.
//
// # Safety
// `recognizer` is a handle, `stream` may be written to.
int32_t stonechat_stream_new(const StonechatRecognizer *recognizer,
                             uint32_t rate_hz,
                             StonechatStream **stream);

// Takes samples in -1..1, any number of them. One that is not finite counts as 0.
//
// # Safety
// `stream` is a handle, there are `count` samples.
int32_t stonechat_stream_push_f32(StonechatStream *stream, const float *samples, size_t count);

// Takes samples of 16 bits, any number of them.
//
// # Safety
// `stream` is a handle, there are `count` samples.
int32_t stonechat_stream_push_i16(StonechatStream *stream, const int16_t *samples, size_t count);

// The text of the utterance that goes on, and how many of its bytes can no longer change.
//
// # Safety
// `stream` is a handle, `text` and `stable` may be written to; `stable` may be NULL.
int32_t stonechat_stream_partial(StonechatStream *stream, const char **text, size_t *stable);

// The next thing that has happened, as JSON: {"keyword": {"phrase", "index", "start", "end", "score"}} for a keyword, {"text",
// "result"} for an utterance that has ended by itself (option "endpoint"); NULL when there is no more.
//
// # Safety
// `stream` is a handle, `json` may be written to.
int32_t stonechat_stream_next(StonechatStream *stream,
                              const char **json);

// Ends the audio and gives the last utterance as JSON: {"text": ..., "result": [{"word", "start", "end", "conf"}]}, with "rejected" and
// "alternatives" where options ask for them. `json` may be NULL. What was not told before stays to be fetched by
// `stonechat_stream_next`. Until the stream is reset it takes no more samples, and cannot be finished again.
//
// # Safety
// `stream` is a handle, `json` is NULL or may be written to.
int32_t stonechat_stream_finish(StonechatStream *stream,
                                const char **json);

// The text of the last result that `stonechat_stream_next` or `stonechat_stream_finish` gave.
//
// # Safety
// `stream` is a handle, `text` may be written to.
int32_t stonechat_stream_text(StonechatStream *stream, const char **text);

// The words of the last result with times and confidences; they live until the next call with the stream.
//
// # Safety
// `stream` is a handle, `words` and `count` may be written to.
int32_t stonechat_stream_words(StonechatStream *stream, const StonechatWord **words, size_t *count);

// Makes the stream as new, for another utterance, also after STONECHAT_PANIC. It keeps its hotwords.
//
// # Safety
// `stream` is a handle.
int32_t stonechat_stream_reset(StonechatStream *stream);

// Replaces the hotwords, at any time: words that begin later count. Boosts are in nats; where `boosts` is NULL each has the usual one, 1
// a letter and 9 at most. The recognizer must search: a language model, hotwords or "beam" among the options.
//
// # Safety
// `stream` is a handle, there are `count` texts at `phrases` and as many boosts, or NULL.
int32_t stonechat_stream_set_hotwords(StonechatStream *stream,
                                      const char *const *phrases,
                                      const float *boosts,
                                      size_t count);

// Frees a stream and the texts that it gave out. NULL is fine.
//
// # Safety
// `stream` is NULL, or a stream that nobody uses any more.
void stonechat_stream_free(StonechatStream *stream);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* STONECHAT_H */
