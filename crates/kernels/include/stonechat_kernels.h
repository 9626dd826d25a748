// Small-batch products over packed weights. Made from crates/kernels/src/capi by tools/c_header.
//
// Functions that return int32_t return STONECHAT_OK or the problem, and write to their last pointers only on success.
// Several threads may use a handle at a time, except a scratch.

#ifndef STONECHAT_KERNELS_H
#define STONECHAT_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// Success.
#define STONECHAT_OK 0

// A pointer that must not be null is null, or it is not aligned for its elements.
#define STONECHAT_BAD_POINTER 1

// A matrix without rows or columns, or with more than memory or a 32-bit sum can hold.
#define STONECHAT_BAD_SHAPE 2

// A weight out of range, or a scale that is not finite.
#define STONECHAT_BAD_VALUE 3

// No instruction set has this name, or the processor lacks it.
#define STONECHAT_BAD_ISA 4

// An activation that does not exist.
#define STONECHAT_BAD_ACTIVATION 5

// Bytes that are not a packed matrix, or a damaged one.
#define STONECHAT_BAD_BYTES 6

// The system refused to start a thread.
#define STONECHAT_NO_THREAD 7

// A buffer is too small; the length it needs is stored.
#define STONECHAT_TOO_SMALL 8

// A bug in the library; please report it.
#define STONECHAT_PANIC 9

// The value itself.
#define STONECHAT_ACTIVATION_NONE 0

// `min(max(v, 0), clip)`.
#define STONECHAT_ACTIVATION_CLIPPED_RELU 1

// `1 / (1 + exp(-v))`.
#define STONECHAT_ACTIVATION_SIGMOID 2

// The hyperbolic tangent.
#define STONECHAT_ACTIVATION_TANH 3

// A `rows x cols` matrix of floats, packed for products. It never changes.
typedef struct StonechatF32 StonechatF32;

// The recurrent weights of a GRU layer, packed. They never change.
typedef struct StonechatGru StonechatGru;

// A `rows x cols` matrix of 4-bit weights in groups of 32 columns, packed for products. It never
// changes.
typedef struct StonechatInt4 StonechatInt4;

// A `rows x cols` matrix of 8-bit weights with one scale per row, packed for products. It never
// changes.
typedef struct StonechatInt8 StonechatInt8;

// A matrix as the product of two thin ones, packed for products. It never changes.
typedef struct StonechatLowRank StonechatLowRank;

// The recurrent weights of an LSTM layer, packed. They never change.
typedef struct StonechatLstm StonechatLstm;

// Threads that wait for large products.
typedef struct StonechatPool StonechatPool;

// Working memory of products: one call at a time, any number of matrices.
typedef struct StonechatScratch StonechatScratch;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The meaning of a status, in English: never null, valid forever.
const char *stonechat_status_message(int32_t status);

// The version of the library: three numbers separated by dots. Never null, valid forever.
const char *stonechat_kernels_version(void);

// The name of the default instruction set, the fastest one of this processor. Never null, valid
// forever.
const char *stonechat_isa_name(void);

// The names of the instruction sets of this processor for which there are kernels, by index from
// 0, slowest first; null for larger indices. Valid forever.
const char *stonechat_isa_available(size_t index);

// What makes products slower than they could be on this machine, in an English sentence; null if
// there is nothing to say. Valid forever.
const char *stonechat_isa_advice(void);

// Quantizes each row of a row-major `rows x cols` matrix to -127..127, with its own scale: `w` and
// `quantized` hold `rows * cols` values, `scales` holds `rows`. Values that are not finite count
// as 0.
//
// # Safety
// The pointers must lead to the stated numbers of values, and none of the outputs may overlap
// anything.
int32_t stonechat_quantize_rows(const float *w, size_t rows, size_t cols, int8_t *quantized, float *scales);

// Quantizes a vector of `len` values with one scale, as products do with their input. Values that
// are not finite count as 0.
//
// # Safety
// Those of `stonechat_quantize_rows`; `scale` holds one value.
int32_t stonechat_quantize_vector(const float *x, size_t len, int8_t *quantized, float *scale);

// Makes a scratch, which grows to fit the largest product.
//
// # Safety
// `out` must be writable.
int32_t stonechat_scratch_new(StonechatScratch **out);

// Frees a scratch. Null is allowed.
//
// # Safety
// The scratch must come from `stonechat_scratch_new`, not be in use, and not be used again.
void stonechat_scratch_free(StonechatScratch *scratch);

// Starts threads: `threads` of them work on a large product, including the caller's.
//
// # Safety
// `out` must be writable.
int32_t stonechat_pool_new(size_t threads, StonechatPool **out);

// Ends the threads of a pool. Null is allowed.
//
// # Safety
// The pool must come from `stonechat_pool_new`, not be in use, and not be used again.
void stonechat_pool_free(StonechatPool *pool);

// Packs row-major `weights` (`rows x cols`, in -127..127) with one scale per row, for the
// instruction set called `isa`, or the fastest one if `isa` is null.
//
// # Safety
// `weights` must hold `rows * cols` values, `scales` `rows`; `isa` must be null or end with a zero
// byte; `out` must be writable.
int32_t stonechat_int8_pack(const int8_t *weights,
                            const float *scales,
                            size_t rows,
                            size_t cols,
                            const char *isa,
                            StonechatInt8 **out);

// Frees a matrix. Null is allowed.
//
// # Safety
// The matrix must come from this library, not be in use, and not be used again.
void stonechat_int8_free(StonechatInt8 *matrix);

// Rows of a matrix, 0 for null.
//
// # Safety
// The matrix must be null or come from this library.
size_t stonechat_int8_rows(const StonechatInt8 *matrix);

// Columns of a matrix, 0 for null.
//
// # Safety
// The matrix must be null or come from this library.
size_t stonechat_int8_cols(const StonechatInt8 *matrix);

// The name of the instruction set for which a matrix is packed, null for null. Valid forever.
//
// # Safety
// The matrix must be null or come from this library.
const char *stonechat_int8_isa(const StonechatInt8 *matrix);

// `y = act(W x + bias)` for a batch of vectors: `x` is `batch x cols`, each vector quantized with
// its own scale; `bias` has one value per row, or is null; `activation` is one of
// STONECHAT_ACTIVATION_*, `clip` is the bound of the clipped ReLU; `y` is `batch x rows`.
// `scratch` is working memory, `pool` may be null.
//
// # Safety
// The handles must come from this library, and nothing else may use the scratch meanwhile; the
// pointers must lead to the stated numbers of values, and `y` must not overlap `x` or `bias`.
int32_t stonechat_int8_matmul(const StonechatInt8 *matrix,
                              const float *x,
                              size_t batch,
                              const float *bias,
                              int32_t activation,
                              float clip,
                              StonechatScratch *scratch,
                              const StonechatPool *pool,
                              float *y);

// `out = W x` in exact 32-bit integers, without scales: `x` is `batch x cols`, any bytes, `out` is
// `batch x rows`. `scratch` is working memory.
//
// # Safety
// Those of `stonechat_int8_matmul`.
int32_t stonechat_int8_matmul_i32(const StonechatInt8 *matrix,
                                  const int8_t *x,
                                  size_t batch,
                                  StonechatScratch *scratch,
                                  int32_t *out);

// Quantizes row-major floats `w` (`rows x cols`) to 4 bits, with an 8-bit scale for every 32
// columns of a row, and packs them; `isa` as for `stonechat_int8_pack`. At most 16352 columns.
//
// # Safety
// `w` must hold `rows * cols` values; `isa` must be null or end with a zero byte; `out` must be
// writable.
int32_t stonechat_int4_quantize(const float *w,
                                size_t rows,
                                size_t cols,
                                const char *isa,
                                StonechatInt4 **out);

// Packs 4-bit weights that were quantized elsewhere: a weight is `row_scales[row] *
// group_scales[row][column / 32] * weights[row][column]`, with `weights` (`rows x cols`) in -8..7,
// `group_scales` (`rows x ceil(cols / 32)`) and `row_scales` (`rows`). `isa` as for
// `stonechat_int8_pack`.
//
// # Safety
// The pointers must lead to the stated numbers of values; `isa` must be null or end with a zero
// byte; `out` must be writable.
int32_t stonechat_int4_pack(const int8_t *weights,
                            const int8_t *group_scales,
                            const float *row_scales,
                            size_t rows,
                            size_t cols,
                            const char *isa,
                            StonechatInt4 **out);

// Frees a matrix. Null is allowed.
//
// # Safety
// The matrix must come from this library, not be in use, and not be used again.
void stonechat_int4_free(StonechatInt4 *matrix);

// `y = act(W x + bias)` for a batch of vectors, with the arguments of `stonechat_int8_matmul`.
// `scratch` is working memory, `pool` may be null.
//
// # Safety
// The handles must come from this library, and nothing else may use the scratch meanwhile; the
// pointers must lead to the stated numbers of values, and `y` must not overlap `x` or `bias`.
int32_t stonechat_int4_matmul(const StonechatInt4 *matrix,
                              const float *x,
                              size_t batch,
                              const float *bias,
                              int32_t activation,
                              float clip,
                              StonechatScratch *scratch,
                              const StonechatPool *pool,
                              float *y);

// Packs row-major `weights` (`rows x cols`); `isa` as for `stonechat_int8_pack`.
//
// # Safety
// `weights` must hold `rows * cols` values; `isa` must be null or end with a zero byte; `out` must
// be writable.
int32_t stonechat_f32_pack(const float *weights,
                           size_t rows,
                           size_t cols,
                           const char *isa,
                           StonechatF32 **out);

// Frees a matrix. Null is allowed.
//
// # Safety
// The matrix must come from this library, not be in use, and not be used again.
void stonechat_f32_free(StonechatF32 *matrix);

// `y = act(W x + bias)` for a batch of vectors, with the arguments of `stonechat_int8_matmul`.
// `pool` may be null.
//
// # Safety
// The handles must come from this library; the pointers must lead to the stated numbers of values,
// and `y` must not overlap `x` or `bias`.
int32_t stonechat_f32_matmul(const StonechatF32 *matrix,
                             const float *x,
                             size_t batch,
                             const float *bias,
                             int32_t activation,
                             float clip,
                             const StonechatPool *pool,
                             float *y);

// Packs `u` (`rows x rank`) and `v` (`rank x cols`), 8-bit with one scale per row, whose product
// is the matrix; `isa` as for `stonechat_int8_pack`.
//
// # Safety
// The pointers must lead to the stated numbers of values; `isa` must be null or end with a zero
// byte; `out` must be writable.
int32_t stonechat_low_rank_pack(const int8_t *u,
                                const float *u_scales,
                                const int8_t *v,
                                const float *v_scales,
                                size_t rows,
                                size_t rank,
                                size_t cols,
                                const char *isa,
                                StonechatLowRank **out);

// Frees a matrix. Null is allowed.
//
// # Safety
// The matrix must come from this library, not be in use, and not be used again.
void stonechat_low_rank_free(StonechatLowRank *matrix);

// `y = act(W x + bias)` for a batch of vectors, with the arguments of `stonechat_int8_matmul`.
// `scratch` is working memory, `pool` may be null.
//
// # Safety
// The handles must come from this library, and nothing else may use the scratch meanwhile; the
// pointers must lead to the stated numbers of values, and `y` must not overlap `x` or `bias`.
int32_t stonechat_low_rank_matmul(const StonechatLowRank *matrix,
                                  const float *x,
                                  size_t batch,
                                  const float *bias,
                                  int32_t activation,
                                  float clip,
                                  StonechatScratch *scratch,
                                  const StonechatPool *pool,
                                  float *y);

// Packs the recurrent weights of a layer of `hidden` units, 8-bit with one scale per row, gates in
// the order update, reset, candidate.
//
// With `rank` 0 they are `u` alone, `3 hidden x hidden`, and `v` is ignored; otherwise they are
// the product of `u`, `3 hidden x rank`, and `v`, `rank x hidden`. `activation` (one of
// STONECHAT_ACTIVATION_*) and `clip` are those of the candidate; `isa` as for
// `stonechat_int8_pack`.
//
// # Safety
// The pointers must lead to the stated numbers of values; `isa` must be null or end with a zero
// byte; `out` must be writable.
int32_t stonechat_gru_pack(const int8_t *u,
                           const float *u_scales,
                           const int8_t *v,
                           const float *v_scales,
                           size_t rank,
                           size_t hidden,
                           int32_t activation,
                           float clip,
                           const char *isa,
                           StonechatGru **out);

// Frees a layer. Null is allowed.
//
// # Safety
// The layer must come from this library, not be in use, and not be used again.
void stonechat_gru_free(StonechatGru *gru);

// One time step of `batch` sequences: `x` is `W x + b`, `batch x 3 hidden`; `h`, `batch x hidden`,
// is the state before and becomes the state after. (Reset after the product: equation (10) of
// Kliegl et al. 2017.) `scratch` is working memory.
//
// # Safety
// The handles must come from this library, and nothing else may use the scratch meanwhile; the
// pointers must lead to the stated numbers of values, and `h` must not overlap `x`.
int32_t stonechat_gru_step(const StonechatGru *gru,
                           const float *x,
                           size_t batch,
                           float *h,
                           StonechatScratch *scratch);

// Packs the recurrent weights of a layer of `hidden` units, 8-bit with one scale per row, gates in
// the order input, forget, cell, output.
//
// With `rank` 0 they are `u` alone, `4 hidden x hidden`, and `v` is ignored; otherwise they are
// the product of `u`, `4 hidden x rank`, and `v`, `rank x hidden`. `isa` as for
// `stonechat_int8_pack`.
//
// # Safety
// The pointers must lead to the stated numbers of values; `isa` must be null or end with a zero
// byte; `out` must be writable.
int32_t stonechat_lstm_pack(const int8_t *u,
                            const float *u_scales,
                            const int8_t *v,
                            const float *v_scales,
                            size_t rank,
                            size_t hidden,
                            const char *isa,
                            StonechatLstm **out);

// Frees a layer. Null is allowed.
//
// # Safety
// The layer must come from this library, not be in use, and not be used again.
void stonechat_lstm_free(StonechatLstm *lstm);

// One time step of `batch` sequences: `x` is `W x + b`, `batch x 4 hidden`; the output `h` and the
// cell `c`, `batch x hidden` each, are the state before and become the state after. (Without
// peepholes and projection.) `scratch` is working memory.
//
// # Safety
// The handles must come from this library, and nothing else may use the scratch meanwhile; the
// pointers must lead to the stated numbers of values, and `h` and `c` must not overlap anything.
int32_t stonechat_lstm_step(const StonechatLstm *lstm,
                            const float *x,
                            size_t batch,
                            float *h,
                            float *c,
                            StonechatScratch *scratch);

// Stores a packed matrix in `bytes`, which has room for `capacity` of them, and their number in
// `len`, even if there is not enough room (STONECHAT_TOO_SMALL). So a first call with a capacity
// of 0 returns the length.
//
// # Safety
// The matrix must come from this library; `bytes` must be writable for `capacity` bytes, `len` for
// one value.
int32_t stonechat_int8_to_bytes(const StonechatInt8 *matrix, uint8_t *bytes, size_t capacity, size_t *len);

// The matrix that `stonechat_int8_to_bytes` stored, on this or another machine: copied, or packed
// again if this processor reads weights in another order.
//
// # Safety
// `bytes` must hold `len` bytes; `out` must be writable.
int32_t stonechat_int8_from_bytes(const uint8_t *bytes, size_t len, StonechatInt8 **out);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* STONECHAT_KERNELS_H */
